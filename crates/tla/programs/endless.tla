# A recursion that ends if it counts down to 0, and another that does not.
#
# arguments: 50
# prints: 50
# fails: line 36: calls are nested too deeply; does the recursion end?

function main n
    local rounds
again:
    load rounds
    const 1
    add
    store rounds
    load n
    call down
    load rounds
    eq
    jump_if without_end
    jump again
without_end:
    load n
    print
    const -1
    call down
    return

function down n
    load n
    jump_if more
    const 0
    return
more:
    load n
    const 1
    sub
    call down
    const 1
    add
    return
