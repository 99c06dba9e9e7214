package center_test

import (
	"strings"
	"testing"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"municipal-cloud/lab/vcenter/internal/center"
)

func TestWrongPasswordIsInvalidLogin(t *testing.T) {
	l := newLab(t)

	_, err := govmomi.NewClient(l.ctx, l.endpoint(center.Credentials{User: account.User, Password: "wrong"}), true)
	if err == nil || !soap.IsSoapFault(err) {
		t.Fatalf("login with a wrong password: %v", err)
	}
	if _, ok := soap.ToSoapFault(err).VimFault().(types.InvalidLogin); !ok {
		t.Errorf("fault %T instead of InvalidLogin", soap.ToSoapFault(err).VimFault())
	}
}

func TestRESTRefusesWrongPassword(t *testing.T) {
	l := newLab(t)

	err := rest.NewClient(l.Client.Client).Login(l.ctx, l.endpoint(center.Credentials{User: account.User, Password: "wrong"}).User)
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("REST login with a wrong password: %v", err)
	}
}

func TestCallWithoutLoginIsNotAuthenticated(t *testing.T) {
	l := newLab(t)

	stranger, err := vim25.NewClient(l.ctx, soap.NewClient(l.endpoint(account), true))
	if err != nil {
		t.Fatal(err)
	}
	_, err = object.NewVirtualMachine(stranger, l.template.Reference()).PowerOn(l.ctx)
	if err == nil || !soap.IsSoapFault(err) {
		t.Fatalf("power on without login: %v", err)
	}
	if _, ok := soap.ToSoapFault(err).VimFault().(types.NotAuthenticated); !ok {
		t.Errorf("fault %T instead of NotAuthenticated", soap.ToSoapFault(err).VimFault())
	}
}

func TestVersionIsThatOfTheLab(t *testing.T) {
	l := newLab(t)

	if about := l.ServiceContent.About; about.ApiVersion != "8.0.2.0" || about.ApiType != "VirtualCenter" {
		t.Errorf("about: %+v", about)
	}
}
