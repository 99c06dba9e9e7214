package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/soap"
)

const (
	patience = 30 * time.Second
	projects = "../datacenter.yaml"
)

func write(t *testing.T, name, text string) string {
	t.Helper()

	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	return file
}

func TestServesUntilItIsToldToStop(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	credentials := write(t, "credentials.json", `{"user": "lab@vsphere.local", "password": "secret"}`)

	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()

	out, in := io.Pipe()
	code := make(chan int, 1)
	var log bytes.Buffer
	go func() {
		code <- run(ctx, []string{"-config", projects, "-listen", "127.0.0.1:0", "-credentials", credentials}, in, &log)
		_ = in.Close() // a pipe in memory
	}()

	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no ready line: %v; %s", err, &log)
	}
	var ready struct{ URL, Certificate string }
	if err := json.Unmarshal(line, &ready); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(ready.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("lab@vsphere.local", "secret")

	// The certificate of the ready line is all that a client needs to trust the vCenter.
	transport := soap.NewClient(u, false)
	if err := transport.SetRootCAs(write(t, "certificate.pem", ready.Certificate)); err != nil {
		t.Fatal(err)
	}
	vim, err := vim25.NewClient(ctx, transport)
	if err != nil {
		t.Fatal(err)
	}
	client := &govmomi.Client{Client: vim, SessionManager: session.NewManager(vim)}
	if err := client.Login(ctx, u.User); err != nil {
		t.Fatal(err)
	}

	stop()

	select {
	case c := <-code:
		if c != exitDone {
			t.Errorf("exit code %d; %s", c, &log)
		}
	case <-time.After(patience):
		t.Fatal("does not stop")
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("left on disk: %v", left)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the password is in the log: %s", &log)
	}
}

func TestBadInputEndsWithTwoAndAReason(t *testing.T) {
	good := write(t, "credentials.json", `{"user": "lab@vsphere.local", "password": "secret"}`)
	bad := write(t, "bad.json", `{"user": "lab@vsphere.local", "password": "secret", "more": 1}`)
	empty := write(t, "empty.json", `{"user": "lab@vsphere.local", "password": ""}`)
	description := write(t, "datacenter.yaml", "datacenter: 1\n")

	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := busy.Close(); err != nil {
			t.Error(err)
		}
	})

	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"nothing":           {nil, "-config, -listen and -credentials are required"},
		"unknown flag":      {[]string{"-port", "1"}, "flag provided but not defined: -port"},
		"bad description":   {[]string{"-config", description, "-listen", "127.0.0.1:0", "-credentials", good}, description + ":1: datacenter: 1 is not a name."},
		"no credentials":    {[]string{"-config", projects, "-listen", "127.0.0.1:0", "-credentials", "nowhere.json"}, "nowhere.json: "},
		"bad credentials":   {[]string{"-config", projects, "-listen", "127.0.0.1:0", "-credentials", bad}, bad + ": not credentials."},
		"empty password":    {[]string{"-config", projects, "-listen", "127.0.0.1:0", "-credentials", empty}, empty + ": not credentials."},
		"not loopback":      {[]string{"-config", projects, "-listen", "0.0.0.0:0", "-credentials", good}, `-listen: "0.0.0.0:0" is not a loopback address`},
		"name, not address": {[]string{"-config", projects, "-listen", "localhost:0", "-credentials", good}, `-listen: "localhost:0" is not a loopback address`},
		"port in use":       {[]string{"-config", projects, "-listen", busy.Addr().String(), "-credentials", good}, "address already in use"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer

			if code := run(context.Background(), c.arguments, &out, &log); code != exitBadInput {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(log.String(), c.want) {
				t.Errorf("%q is not in: %s", c.want, &log)
			}
			if strings.Contains(log.String(), "secret") || out.Len() > 0 {
				t.Errorf("log: %s; output: %s", &log, &out)
			}
		})
	}
}

func TestHelpIsNoFault(t *testing.T) {
	var log bytes.Buffer

	if code := run(context.Background(), []string{"-help"}, io.Discard, &log); code != exitDone || !strings.Contains(log.String(), "-credentials") {
		t.Errorf("exit code %d: %s", code, &log)
	}
}

func TestPanicEndsTheProgram(t *testing.T) {
	var log bytes.Buffer
	code := 0

	handler := crashOnPanic(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("locked for ever") }),
		slog.New(slog.NewTextHandler(&log, nil)), func(c int) { code = c })
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/sdk", nil))

	if code != exitOurBug || !strings.Contains(log.String(), "locked for ever") {
		t.Errorf("exit code %d: %s", code, &log)
	}
}

func TestMissingMethodOfTheSimulatorIsSaid(t *testing.T) {
	var text bytes.Buffer
	l := simulatorLog{slog.New(slog.NewTextHandler(&text, nil))}

	for _, line := range []string{"library not found: \n", "VirtualMachine:vm-1 does not implement: Fly\n"} {
		if _, err := l.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}

	if strings.Contains(text.String(), "library") || !strings.Contains(text.String(), "Fly") {
		t.Errorf("log: %s", &text)
	}
}
