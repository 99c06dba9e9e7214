"""Turn a plan into vSphere resources. The only place that imports pulumi_vsphere."""
