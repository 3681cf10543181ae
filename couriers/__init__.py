"""Couriers carry out the requests of `notifications` (N1). Each channel is its own process.

`firstclaim courier --channel NAME` runs one. `couriers.channels` has one file for each
channel. `couriers.port` is what a channel implements.
"""
