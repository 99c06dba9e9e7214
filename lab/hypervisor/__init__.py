"""The hypervisor: every powered-on VM of the lab's vCenter is a real Debian host.

It knows the vCenter by its ordinary API and nothing of what the VMs are for.
"""
