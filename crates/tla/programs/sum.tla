# The sum of all numbers below n.
#
# arguments: 1000
# prints: 499500

function main n
    local i
    local sum
again:
    load i
    load n
    lt
    jump_if more
    load sum
    print
    const 0
    return
more:
    load sum
    load i
    add
    store sum
    load i
    const 1
    add
    store i
    jump again
