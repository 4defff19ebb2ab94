"""Clients of an index as load, distributed by Locust: what each kind of client asks for, when the next one arrives, and
on which worker.

What a client does, as generators, without clock or socket: headers, pages, steps, installers, browsing, calling,
mirroring, kinds, popularity. When who arrives, and whose it is, as plain functions: profiles, reading, arrivals,
dealing, chosen. What knows of Locust: wire, lanes, carrying, classes, open_loop, leading, shape, serving, options.

The laws are in `dealing`: every arrival is some worker's, and no two workers'.
"""
