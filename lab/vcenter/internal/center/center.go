// Package center is the lab's vCenter: the govmomi simulator, completed to what a real vCenter
// answers to the clients of this project.
//
// The simulator stays the authority for the inventory. Where it falls short, a wrapper around its
// object overrides single methods (see override.go). The package must not know of tenants, nor of
// what makes a virtual machine a real host: that is the hypervisor agent's work.
package center

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	pbm "github.com/vmware/govmomi/pbm/simulator"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/vpx"
	vapi "github.com/vmware/govmomi/vapi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"municipal-cloud/lab/vcenter/internal/description"
)

// Credentials are the one account of the vCenter.
type Credentials struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// match compares in constant time, as a login on a network should.
func (c Credentials) match(user, password string) bool {
	sameUser := subtle.ConstantTimeCompare([]byte(user), []byte(c.User))
	samePassword := subtle.ConstantTimeCompare([]byte(password), []byte(c.Password))

	return sameUser&samePassword == 1
}

// Center is one running vCenter. It is an http.Handler; it does not listen by itself.
type Center struct {
	service     *simulator.Service
	credentials Credentials
	home        string // directory of the datastores, removed by Close
	mishaps     *mishaps
	handler     http.Handler
}

// New builds the inventory that the description asks for.
//
// Args: host is the address and port under which clients reach the vCenter.
func New(d *description.Datacenter, credentials Credentials, host string) (*Center, error) {
	home, err := os.MkdirTemp("", "lab-vcenter-")
	if err != nil {
		return nil, fmt.Errorf("make the directory of the datastores: %w", err)
	}

	c := &Center{credentials: credentials, home: home}

	c.service = simulator.New(simulator.NewServiceInstance(simulator.NewContext(), serviceContent(), vpx.RootFolder))
	c.service.Listen = &url.URL{
		Scheme: "https",
		Host:   host,
		Path:   vim25.Path,
		User:   url.UserPassword(credentials.User, credentials.Password),
	}
	c.mishaps = newMishaps(c.service)
	c.watch()

	if err := c.build(d); err != nil {
		return nil, errors.Join(err, c.Close())
	}

	c.handler = c.routes()

	return c, nil
}

// Close removes what the vCenter keeps on disk.
func (c *Center) Close() error {
	if err := os.RemoveAll(c.home); err != nil {
		return fmt.Errorf("remove the datastores: %w", err)
	}

	return nil
}

// ServeHTTP answers SOAP, REST and the guest channel.
func (c *Center) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.handler.ServeHTTP(w, r)
}

func (c *Center) routes() http.Handler {
	s := c.service
	s.RegisterSDK(c.registry(), vim25.Path+"/vimService")
	s.RegisterSDK(pbm.New())

	sessions := c.registry().SessionManager()
	sessions.ServiceHostName = s.Listen.Host
	sessions.ValidLogin = func(l *types.Login) bool { return c.credentials.match(l.UserName, l.Password) }

	paths, rest := vapi.New(s.Listen, c.registry())
	for _, path := range paths {
		s.Handle(path, rest)
	}

	s.ServeMux.HandleFunc(vim25.Path+"/vimServiceVersions.xml", s.ServiceVersions)
	s.ServeMux.HandleFunc("PUT /lab/guest/{vm}", c.authenticated(c.putGuest))
	s.ServeMux.HandleFunc("PUT /lab/mishaps", c.authenticated(c.mishaps.put))

	return renameTypes(normalizeCategories(s.ServeMux))
}

// authenticated lets only the vCenter's account pass; it is for what no vSphere API has.
func (c *Center) authenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if !ok || !c.credentials.match(user, password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="lab vCenter"`)
			http.Error(w, "wrong user or password", http.StatusUnauthorized)

			return
		}

		next(w, r)
	}
}

// watch puts our own in the place of the simulator's property collector, and overrides the rest.
func (c *Center) watch() {
	feed := newChangeFeed(c.credentials.User)
	c.registry().Put(feed)
	c.registry().AddHandler(feed)

	collector := new(propertyCollector)
	collector.Self = c.registry().Get(vim25.ServiceInstance).(*simulator.ServiceInstance).Content.PropertyCollector
	c.registry().Put(collector)

	c.registry().Handler = func(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
		c.mishaps.strike(ctx, method)

		return override(ctx, method)
	}
}

// Release ends all waiting for updates, so that a server can stop.
func (c *Center) Release() {
	c.registry().Get(feedReference).(*changeFeed).close()
	c.mishaps.replace(nil)
}

func (c *Center) registry() *simulator.Registry { return c.service.Context.Map }

// newContext is a context for work that no client's request started.
func (c *Center) newContext() *simulator.Context {
	ctx := *c.service.Context
	ctx.Context = context.Background()

	return &ctx
}
