# The loop that papers on TLA begin with: counts down on the stack, without a variable.
#
# arguments: 30
# prints: 465 465

function main n
    local total
    load n
again:
    dup
    load total
    add
    store total
    const -1
    add
    dup
    jump_if again
    pop
    load total
    print
    load n
    load n
    const 1
    add
    mul
    const 2
    div
    print
    const 0
    return
