# A loop whose condition stands at its end, and a call of three arguments in it: a * b mod m, by doubling.
#
# arguments: 123456789 987654321 1000007
# prints: 192139

function main a b m
    load a
    load b
    load m
    call product
    print
    const 0
    return

function product a b m
    local result
    jump test
step:
    load b
    const 2
    rem
    jump_if odd
    jump halve
odd:
    load result
    load a
    add
    load m
    rem
    store result
halve:
    load a
    dup
    add
    load m
    rem
    store a
    load b
    const 2
    div
    store b
test:
    load b
    jump_if step
    load result
    return
