// Command pulumi-resource-vsphere is the vSphere provider plugin of the lab.
//
// It bridges terraform-provider-vsphere v1.26.0, the newest release that the Go module proxy
// serves, and gives its resources the tokens of pulumi-vsphere 4.18.2. Production uses the plugin
// that Pulumi releases; see toolchain/README.md for what differs.
package main

import (
	"github.com/hashicorp/terraform-plugin-sdk/helper/schema"
	"github.com/hashicorp/terraform-provider-vsphere/vsphere"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv1 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v1"
)

// version is the release of pulumi-vsphere whose tokens this plugin serves.
const version = "4.18.2"

func main() {
	// No Pulumi schema is embedded: it serves code generation, never a deployment.
	tfbridge.Main("vsphere", version, provider(), nil)
}

// provider describes the bridged provider: every vsphere_* resource and data source in one module,
// and names made as the released plugin makes them.
func provider() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:       shimv1.NewProvider(vsphere.Provider().(*schema.Provider)),
		Name:    "vsphere",
		Version: version,
	}
	info.MustComputeTokens(tokens.SingleModule("vsphere_", "index", tokens.MakeStandard("vsphere")))
	info.SetAutonaming(255, "-")
	return info
}
