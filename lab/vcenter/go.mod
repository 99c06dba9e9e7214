module municipal-cloud/lab/vcenter

go 1.25.0

require (
	github.com/google/uuid v1.6.0
	github.com/vmware/govmomi v0.55.1
	go.yaml.in/yaml/v3 v3.0.4
)

require golang.org/x/text v0.38.0 // indirect
