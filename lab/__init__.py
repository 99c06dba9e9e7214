"""The lab: a vCenter, a fabric and a hypervisor on one machine. It knows nothing of tenants."""
