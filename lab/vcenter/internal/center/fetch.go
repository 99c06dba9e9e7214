package center

import (
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// fetchBody is the answer to Fetch, by which pyVmomi reads a single property. The method is not in
// the public API.
type fetchBody struct {
	Res    *fetchResponse `xml:"urn:vim25 FetchResponse,omitempty"`
	Fault_ *soap.Fault    `xml:"http://schemas.xmlsoap.org/soap/envelope/ Fault,omitempty"`
}

type fetchResponse struct {
	Returnval types.AnyType `xml:"returnval,omitempty,typeattr"`
}

// Fault is the fault of the answer.
func (b *fetchBody) Fault() *soap.Fault { return b.Fault_ }

// Fetch reads one property. An unset one has an empty answer, where the simulator's cannot be
// understood.
//
// The request's type is internal to govmomi, but the simulator calls methods by reflection.
func (c *propertyCollector) Fetch(ctx *simulator.Context, req any) soap.HasFault {
	fetch := reflect.ValueOf(&c.PropertyCollector).MethodByName("Fetch")
	answer := fetch.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(req)})[0].Interface().(soap.HasFault)

	if unset, ok := answer.(*methods.RetrievePropertiesExBody); ok {
		if unset.Fault_ != nil {
			return &fetchBody{Fault_: unset.Fault_}
		}

		return &fetchBody{Res: new(fetchResponse)}
	}

	return answer
}
