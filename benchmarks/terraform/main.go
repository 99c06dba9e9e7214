// Command terraform-provider-vsphere is the provider that toolchain/provider bridges, served to
// terraform as it is: built of the same modules, for benchmarks.
package main

import (
	"github.com/hashicorp/terraform-plugin-sdk/plugin"
	"github.com/hashicorp/terraform-provider-vsphere/vsphere"
)

func main() { plugin.Serve(&plugin.ServeOpts{ProviderFunc: vsphere.Provider}) }
