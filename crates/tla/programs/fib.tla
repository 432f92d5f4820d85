# Fibonacci numbers, by recursion.
#
# arguments: 15
# prints: 610

function main n
    load n
    call fib
    print
    const 0
    return

function fib n
    load n
    const 2
    lt
    jump_if small
    load n
    const 1
    sub
    call fib
    load n
    const 2
    sub
    call fib
    add
    return
small:
    load n
    return
