package description

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"regexp"
	"sort"
	"strconv"

	"github.com/vmware/govmomi/vim25/types"
	"go.yaml.in/yaml/v3"
)

var (
	// name is what a vCenter accepts without escaping and what is safe in a path.
	namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	// yamlLine finds the position in a syntax error of the YAML library.
	yamlLine = regexp.MustCompile(`line (\d+): `)
)

const nameAllowed = "Lower-case letters, digits and inner hyphens are allowed, at most 63"

// Parse validates the text of a description. The file is named in messages only.
func Parse(file string, text []byte) (*Datacenter, error) {
	r := &reader{file: file}

	root := r.document(text)
	if root == nil {
		return nil, r.faults
	}

	var d Datacenter

	r.mapping(root, "", fields{
		"datacenter": r.name(&d.Name),
		"cluster": func(n *yaml.Node, path string) {
			r.mapping(n, path, fields{
				"name":  r.name(&d.Cluster.Name),
				"hosts": func(n *yaml.Node, path string) { d.Cluster.Hosts = r.hosts(n, path) },
			})
		},
		"datastores": func(n *yaml.Node, path string) { d.Datastores = r.datastores(n, path) },
		"switch": func(n *yaml.Node, path string) {
			r.mapping(n, path, fields{
				"name":    r.name(&d.Switch.Name),
				"uplinks": func(n *yaml.Node, path string) { d.Switch.Uplinks = r.uplinks(n, path) },
			})
		},
		"management": func(n *yaml.Node, path string) {
			r.mapping(n, path, fields{
				"port_group":    r.name(&d.Management.PortGroup),
				"vlan":          r.integer(&d.Management.VLAN, 1, 4094),
				"isolated_vlan": r.integer(&d.Management.IsolatedVLAN, 1, 4094),
				"prefix":        r.prefix(&d.Management.Prefix),
			})
		},
		"networks": func(n *yaml.Node, path string) { d.Networks = r.networks(n, path) },
		"template": func(n *yaml.Node, path string) {
			r.mapping(n, path, fields{
				"name":             r.name(&d.Template.Name),
				"guest_id":         r.guestID(&d.Template.GuestID),
				"hardware_version": r.integer(&d.Template.HardwareVersion, 13, 21),
				"vcpu":             r.integer(&d.Template.VCPU, 1, 128),
				"memory_mib":       r.integer(&d.Template.MemoryMiB, 4, 6<<20),
				"disk_gib":         r.integer(&d.Template.DiskGiB, 1, 62<<10),
			})
		},
	})

	if len(r.faults) > 0 {
		sort.SliceStable(r.faults, func(i, j int) bool { return r.faults[i].Line < r.faults[j].Line })
		return nil, r.faults
	}

	return &d, nil
}

// document returns the top node, or nil when the text is not exactly one YAML document.
func (r *reader) document(text []byte) *yaml.Node {
	var first, second yaml.Node

	decoder := yaml.NewDecoder(bytes.NewReader(text))

	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		r.fault(&yaml.Node{Line: 1}, "", "the file is empty. A description of a datacenter is required. See lab/datacenter.yaml.")
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}

	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.fault(&second, "", "a second document. One document a file is allowed. Remove it.")
		return nil
	}

	return first.Content[0]
}

func (r *reader) hosts(n *yaml.Node, path string) []Host {
	var hosts []Host

	r.named(n, path, func(name string, n *yaml.Node, path string) {
		host := Host{Name: name}
		r.mapping(n, path, fields{
			"cores":      r.integer(&host.Cores, 1, 768),
			"mhz":        r.integer(&host.MHz, 100, 10000),
			"memory_mib": r.integer(&host.MemoryMiB, 1024, 24<<20),
		})
		hosts = append(hosts, host)
	})

	return hosts
}

func (r *reader) datastores(n *yaml.Node, path string) []Datastore {
	var datastores []Datastore

	r.named(n, path, func(name string, n *yaml.Node, path string) {
		datastore := Datastore{Name: name}
		r.mapping(n, path, fields{
			"capacity_gib": r.integer(&datastore.CapacityGiB, 1, 64<<10),
		})
		datastores = append(datastores, datastore)
	})

	return datastores
}

func (r *reader) networks(n *yaml.Node, path string) []Network {
	var networks []Network

	r.named(n, path, func(name string, n *yaml.Node, path string) {
		network := Network{PortGroup: name}
		r.mapping(n, path, fields{
			"vlan": r.integer(&network.VLAN, 1, 4094),
		})
		networks = append(networks, network)
	})

	return networks
}

func (r *reader) uplinks(n *yaml.Node, path string) []string {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, path, "%s instead of a list. Names of uplinks are allowed, such as [uplink1]. Correct it.", shown(n))
		return nil
	}
	if len(n.Content) == 0 {
		r.fault(n, path, "empty. At least one uplink is required. Add one.")
		return nil
	}

	uplinks := make([]string, len(n.Content))
	seen := make(map[string]bool)

	for i, item := range n.Content {
		r.name(&uplinks[i])(item, path)
		if seen[uplinks[i]] {
			r.fault(item, path, "uplink %q stands twice. Each uplink is named once. Remove one.", uplinks[i])
		}
		seen[uplinks[i]] = true
	}

	return uplinks
}

func (r *reader) name(into *string) field {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || !namePattern.MatchString(n.Value) {
			r.fault(n, path, "%s is not a name. %s. Choose another.", shown(n), nameAllowed)
			return
		}
		*into = n.Value
	}
}

func (r *reader) guestID(into *string) field {
	return func(n *yaml.Node, path string) {
		for _, id := range types.VirtualMachineGuestOsIdentifier("").Values() {
			if n.Kind == yaml.ScalarNode && n.Value == string(id) {
				*into = n.Value
				return
			}
		}
		r.fault(n, path, "%s is not a guest operating system that vSphere knows. An identifier such as debian12_64Guest is allowed. Correct it.", shown(n))
	}
}

func (r *reader) integer(into *int, least, most int) field {
	return func(n *yaml.Node, path string) {
		var value int

		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || n.Decode(&value) != nil || value < least || value > most {
			r.fault(n, path, "%s is not a whole number from %d to %d. Correct it.", shown(n), least, most)
			return
		}
		*into = value
	}
}

func (r *reader) prefix(into *netip.Prefix) field {
	return func(n *yaml.Node, path string) {
		prefix, err := netip.ParsePrefix(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || !prefix.Addr().Is4() || prefix != prefix.Masked() || prefix.Bits() > 29 {
			r.fault(n, path, "%s is not an IPv4 prefix. A network address of /29 or larger is allowed, such as 10.255.0.0/24. Correct it.", shown(n))
			return
		}
		*into = prefix
	}
}

// shown is a node as a message quotes it. Quotes tell the text "99" from the number.
func shown(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!str":
		return strconv.Quote(n.Value)
	default:
		return n.Value
	}
}
