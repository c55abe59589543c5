"""The demo: the whole loop on the examples, on this machine, with a clock of its own.

Everything in it is real but the people and the clusters: repositories, images, Jsonnet, checks,
and the very commands that anyone would type.
"""
