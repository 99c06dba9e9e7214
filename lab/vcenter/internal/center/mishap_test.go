package center_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/task"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// misbehave puts mishaps in force and returns the answer's status and text.
func (l *lab) misbehave(t *testing.T, mishaps string) (int, string) {
	t.Helper()

	request, err := http.NewRequestWithContext(l.ctx, http.MethodPut, l.server.URL+"/lab/mishaps", bytes.NewBufferString(mishaps))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(account.User, account.Password)
	answer, err := l.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}

	return answer.StatusCode, string(text)
}

func (l *lab) suffer(t *testing.T, mishaps string) {
	t.Helper()

	if status, text := l.misbehave(t, mishaps); status != http.StatusNoContent {
		t.Fatalf("PUT %s: %d %s", mishaps, status, text)
	}
}

func (l *lab) makeFolder(name string) error {
	_, err := l.folder.CreateFolder(l.ctx, name)

	return err
}

func TestMishapEndsTheTaskAsAVCenterDoes(t *testing.T) {
	l := newLab(t)
	l.suffer(t, `[{"method": "CloneVM_Task", "fault": {"_typeName": "NoDiskSpace", "datastore": "datastore01"}, "times": 1}]`)
	pool := l.pool.Reference()
	clone := func() error {
		cloning, err := l.template.Clone(l.ctx, l.folder, "clone", types.VirtualMachineCloneSpec{
			Location: types.VirtualMachineRelocateSpec{Pool: &pool},
		})
		if err != nil {
			t.Fatalf("the call, not the task, failed: %v", err)
		}

		return cloning.Wait(l.ctx)
	}

	err := clone()

	var failed task.Error
	if !errors.As(err, &failed) {
		t.Fatalf("clone on a full datastore: %v", err)
	}
	if full, ok := failed.Fault().(*types.NoDiskSpace); !ok || full.Datastore != "datastore01" {
		t.Errorf("fault %#v", failed.Fault())
	}
	if failed.LocalizedMessage != "Insufficient disk space on datastore 'datastore01'." {
		t.Errorf("message %q", failed.LocalizedMessage)
	}
	if err := clone(); err != nil {
		t.Errorf("after the one time: %v", err)
	}
}

func TestMishapRefusesACallAfterThoseItSpares(t *testing.T) {
	l := newLab(t)
	l.suffer(t, `[{"method": "CreateFolder", "fault": {"_typeName": "NoPermission", "privilegeId": "Folder.Create"}, "skip": 1}]`)

	if err := l.makeFolder("spared"); err != nil {
		t.Fatal(err)
	}
	err := l.makeFolder("struck")
	if err == nil || !soap.IsSoapFault(err) || soap.ToSoapFault(err).String != "Permission to perform this operation was denied." {
		t.Errorf("create a folder without permission: %v", err)
	}

	l.suffer(t, `[]`)
	if err := l.makeFolder("later"); err != nil {
		t.Errorf("when nothing is wrong any more: %v", err)
	}
}

func TestMishapKeepsACallWaitingUntilItIsTakenBack(t *testing.T) {
	l := newLab(t)
	l.suffer(t, `[{"method": "CurrentTime", "delay_ms": 3600000}]`)

	brief, cancel := context.WithTimeout(l.ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := l.now(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a call that is kept waiting: %v", err)
	}

	answered := make(chan error, 1)
	go func() {
		_, err := l.now(l.ctx)
		answered <- err
	}()
	l.suffer(t, `[]`)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

func (l *lab) now(ctx context.Context) (*time.Time, error) {
	return methods.GetCurrentTime(ctx, l.Client)
}

func TestMishapThatIsNoneIsRefused(t *testing.T) {
	l := newLab(t)

	for mishaps, want := range map[string]string{
		`{}`:                 "not a list of mishaps",
		`[{"methods": "*"}]`: `unknown field "methods"`,
		`[{"method": "*", "fault": {"_typeName": "Sunshine"}}]`:                    "mishap 0: fault",
		`[{"method": "*", "fault": {"_typeName": "AboutInfo"}}]`:                   "mishap 0: fault",
		`[{"method": "*", "delay_ms": 1, "fault": {"_typeName": "NoPermission"}}]`: "mishap 0: a delay or a fault is allowed, not both",
	} {
		if status, text := l.misbehave(t, mishaps); status != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", mishaps, status, text)
		}
	}
}
