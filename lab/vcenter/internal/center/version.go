package center

import (
	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator/vpx"
	"github.com/vmware/govmomi/vim25/types"
)

// The lab is a vSphere 8.0 Update 2. The simulator says 6.5, for which clients leave out what has
// been added since.
const (
	productVersion = "8.0.2"
	apiVersion     = "8.0.2.0"
	centerBuild    = "22617221"
	hostBuild      = "22380479"
	// hostHardwareVersion is the newest virtual hardware that such a host runs.
	hostHardwareVersion = types.VMX21
)

// serviceContent is what a client learns first.
func serviceContent() types.ServiceContent {
	content := vpx.ServiceContent
	content.About.FullName = "VMware vCenter Server " + productVersion + " build-" + centerBuild
	content.About.Version = productVersion
	content.About.Build = centerBuild
	content.About.ApiVersion = apiVersion
	content.About.LicenseProductVersion = "8.0"
	content.About.InstanceUuid = uuid.NewString()

	return content
}

// hostProduct is what a hypervisor says of itself.
func hostProduct() types.AboutInfo {
	return types.AboutInfo{
		Name:                  "VMware ESXi",
		FullName:              "VMware ESXi " + productVersion + " build-" + hostBuild,
		Vendor:                "VMware, Inc.",
		Version:               productVersion,
		Build:                 hostBuild,
		LocaleVersion:         "INTL",
		LocaleBuild:           "000",
		OsType:                "vmnix-x86",
		ProductLineId:         "embeddedEsx",
		ApiType:               "HostAgent",
		ApiVersion:            apiVersion,
		LicenseProductName:    "VMware ESX Server",
		LicenseProductVersion: "8.0",
	}
}
