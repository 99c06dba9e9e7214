package description_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"municipal-cloud/lab/vcenter/internal/description"
)

func TestProjectsDescriptionIsRead(t *testing.T) {
	got, err := description.Load(filepath.Join("..", "..", "..", "datacenter.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	want := &description.Datacenter{
		Name: "lab",
		Cluster: description.Cluster{Name: "cluster01", Hosts: []description.Host{
			{Name: "esx01", Cores: 16, MHz: 2400, MemoryMiB: 131072},
			{Name: "esx02", Cores: 16, MHz: 2400, MemoryMiB: 131072},
		}},
		Datastores: []description.Datastore{{Name: "datastore01", CapacityGiB: 4096}},
		Switch:     description.Switch{Name: "switch01", Uplinks: []string{"uplink1", "uplink2"}},
		Management: description.Management{
			PortGroup: "provider-management", VLAN: 99, IsolatedVLAN: 100, Prefix: netip.MustParsePrefix("10.255.0.0/24"),
		},
		Networks: []description.Network{{PortGroup: "diginetwerk", VLAN: 94}, {PortGroup: "internet", VLAN: 95}},
		Template: description.Template{
			Name: "debian-12", GuestID: "debian12_64Guest", HardwareVersion: 13, VCPU: 1, MemoryMiB: 1024, DiskGiB: 8,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Each testdata/NAME.yaml is a bad description, NAME.txt what is said of it.
func TestBadDescriptionNamesEveryFault(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}

	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			want, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
			if err != nil {
				t.Fatal(err)
			}

			_, err = description.Load(file)

			var faults description.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("error %v is no list of faults", err)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestUnreadableFileIsAFault(t *testing.T) {
	_, err := description.Load("nowhere.yaml")

	if err == nil || !strings.HasPrefix(err.Error(), "nowhere.yaml: ") {
		t.Errorf("error: %v", err)
	}
}
