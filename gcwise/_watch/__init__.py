"""`python -m gcwise watch`: run a program, and say what its collections were worth.

Two processes take part. `launch` checks what was asked for and then becomes the program itself, so
that nothing of gcwise is on its stack, in its arguments or between it and its signals. What is in
`inside` runs in the program: a callback that stores numbers. At the program's end it hands them to
a fresh interpreter, which runs `reporter`: whatever the program did to its modules, its folder or
its memory, the report does not depend on it.
"""
