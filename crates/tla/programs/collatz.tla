# The longest of the walks 3n + 1 from numbers below n: a loop with an exit in the middle, called from a loop.
#
# arguments: 60
# prints: 54 112

function main n
    local i
    local steps
    local best
    local most
again:
    load i
    const 1
    add
    store i
    load i
    load n
    eq
    jump_if done
    load i
    call walk
    store steps
    load most
    load steps
    lt
    jump_if better
    jump again
better:
    load i
    store best
    load steps
    store most
    jump again
done:
    load best
    print
    load most
    print
    const 0
    return

function walk n
    local steps
again:
    load n
    const 1
    eq
    jump_if done
    load steps
    const 1
    add
    store steps
    load n
    const 2
    rem
    jump_if odd
    load n
    const 2
    div
    store n
    jump again
odd:
    load n
    const 3
    mul
    const 1
    add
    store n
    jump again
done:
    load steps
    return
