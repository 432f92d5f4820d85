# A division by zero, in the middle of a hot loop.
#
# arguments: 200
# prints: 200
# fails: line 13: division by zero; test the divisor before

function main n
    load n
    print
again:
    const 1000
    load n
    div
    pop
    load n
    const 1
    sub
    store n
    jump again
