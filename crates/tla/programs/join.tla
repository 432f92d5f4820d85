# An if with an else, and what both go on with: the sum of n odd numbers, where even ones count for nothing.
#
# arguments: 40
# prints: 1600

function main n
    local i
    local sum
again:
    load i
    load n
    dup
    add
    eq
    jump_if done
    load i
    const 2
    rem
    jump_if odd
    const 0
    jump join
odd:
    load i
join:
    load sum
    add
    store sum
    load i
    const 1
    add
    store i
    jump again
done:
    load sum
    print
    const 0
    return
