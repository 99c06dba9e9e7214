"""The fabric: layer 2 in a network namespace, one bridge for each switch and VLAN.

Port security is enforced on the port, as a real switch does. It must not know of hosts or VMs.
"""
