# Functions that call each other.
#
# arguments: 301
# prints: 0 1

function main n
    load n
    call even
    print
    load n
    call odd
    print
    const 0
    return

function even n
    load n
    jump_if more
    const 1
    return
more:
    load n
    const 1
    sub
    call odd
    return

function odd n
    load n
    jump_if more
    const 0
    return
more:
    load n
    const 1
    sub
    call even
    return
