package center_test

import (
	"testing"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Fetch is the method by which pyVmomi reads a property; govmomi does not have it.
type Fetch struct {
	This types.ManagedObjectReference `xml:"_this"`
	Prop string                       `xml:"prop"`
}

type FetchResponse struct {
	Returnval types.AnyType `xml:"returnval,omitempty,typeattr"`
}

type fetchBody struct {
	Req    *Fetch         `xml:"urn:vim25 Fetch,omitempty"`
	Res    *FetchResponse `xml:"FetchResponse,omitempty"`
	Fault_ *soap.Fault    `xml:"http://schemas.xmlsoap.org/soap/envelope/ Fault,omitempty"`
}

func (b *fetchBody) Fault() *soap.Fault { return b.Fault_ }

func TestFetchOfAnUnsetPropertyIsEmpty(t *testing.T) {
	l := newLab(t)

	for name, want := range map[string]bool{"name": true, "parentVApp": false} {
		var answer fetchBody
		question := fetchBody{Req: &Fetch{This: l.template.Reference(), Prop: name}}
		if err := l.RoundTrip(l.ctx, &question, &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Res == nil || (answer.Res.Returnval != nil) != want {
			t.Errorf("%s: %+v", name, answer.Res)
		}
	}
}

func TestTaskNamesItsMethodAndObject(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)

	task, err := vm.PowerOn(l.ctx)
	l.result(t, task, err)

	var on mo.Task
	l.read(t, task.Reference(), &on, "info")
	if on.Info.Name != "PowerOnVM_Task" || on.Info.EntityName != "app01" {
		t.Errorf("task: %+v", on.Info)
	}
	if by := on.Info.Reason.(*types.TaskReasonUser).UserName; by != account.User {
		t.Errorf("by %s", by)
	}
}

func TestFailedTaskSaysWhyInWords(t *testing.T) {
	l := newLab(t)
	l.clone(t, "app01", nil)

	task, err := l.startClone("app01", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = task.WaitForResult(l.ctx); err == nil || err.Error() != "The name 'app01' already exists." {
		t.Errorf("error: %v", err)
	}
}
