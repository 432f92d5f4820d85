# Nested branches in a function: the sign of a comparison, for some pairs of numbers.
#
# arguments: 9
# prints: 36 0 1

function main n
    local i
    local j
    local less
    local more
    local same
rows:
    load i
    load n
    lt
    jump_if columns
    load less
    print
    load less
    load more
    sub
    print
    load same
    load n
    div
    print
    const 0
    return
columns:
    load j
    load n
    lt
    jump_if cell
    const 0
    store j
    load i
    const 1
    add
    store i
    jump rows
cell:
    load i
    load j
    call sign
    dup
    jump_if different
    pop
    load same
    const 1
    add
    store same
    jump next
different:
    const -1
    eq
    jump_if smaller
    load more
    const 1
    add
    store more
    jump next
smaller:
    load less
    const 1
    add
    store less
next:
    load j
    const 1
    add
    store j
    jump columns

function sign a b
    load a
    load b
    eq
    jump_if zero
    load a
    load b
    lt
    jump_if negative
    const 1
    return
negative:
    const -1
    return
zero:
    const 0
    return
