package center

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// mishap is something that goes wrong with calls of a method, for tests of those who call.
type mishap struct {
	// Method is a method of the vSphere API, or "*" for all.
	Method string `json:"method"`
	// DelayMS is how long each call is kept waiting.
	DelayMS int `json:"delay_ms"`
	// Fault is what the call, or its task, ends with, in the JSON of the vSphere API.
	Fault json.RawMessage `json:"fault"`
	// Skip is the number of calls that are spared first; Times that of the calls struck, or 0 for all.
	Skip  int `json:"skip"`
	Times int `json:"times"`
}

// mishaps are those in force. A vCenter refuses a call at once or lets a task end in a fault. The
// simulator's own injection does the first; the second is ours.
type mishaps struct {
	service *simulator.Service

	mu      sync.Mutex
	tasks   *simulator.FaultInjector
	delays  *simulator.FaultInjector
	release chan struct{} // closed when these mishaps are replaced
}

func newMishaps(service *simulator.Service) *mishaps {
	m := &mishaps{service: service, release: make(chan struct{})}
	m.replace(nil)

	return m
}

// put takes the mishaps that are in force from now on: PUT /lab/mishaps.
func (m *mishaps) put(w http.ResponseWriter, r *http.Request) {
	var wanted []mishap

	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&wanted); err != nil {
		http.Error(w, "not a list of mishaps: "+err.Error(), http.StatusBadRequest)
		return
	}

	rules := make([]*simulator.FaultInjectionRule, len(wanted))
	for i, each := range wanted {
		rule, err := each.rule()
		if err != nil {
			http.Error(w, fmt.Sprintf("mishap %d: %v", i, err), http.StatusBadRequest)
			return
		}
		rules[i] = rule
	}
	m.replace(rules)

	w.WriteHeader(http.StatusNoContent)
}

func (h *mishap) rule() (*simulator.FaultInjectionRule, error) {
	rule := &simulator.FaultInjectionRule{
		MethodName:  h.Method,
		ObjectType:  "*",
		ObjectName:  "*",
		Probability: 1,
		FaultType:   simulator.FaultTypeCustom,
		Delay:       h.DelayMS,
		SkipCount:   h.Skip,
		MaxCount:    h.Times,
		Enabled:     true,
	}

	if h.Fault == nil {
		return rule, nil
	}
	if h.DelayMS > 0 {
		return nil, errors.New("a delay or a fault is allowed, not both")
	}
	if err := types.NewJSONDecoder(bytes.NewReader(h.Fault)).Decode(&rule.Fault); err != nil {
		return nil, fmt.Errorf("fault %s: %w", h.Fault, err)
	}
	rule.Message = faultMessage(rule.Fault)

	return rule, nil
}

// replace puts other mishaps in force and lets go whom the former ones keep waiting.
func (m *mishaps) replace(rules []*simulator.FaultInjectionRule) {
	m.mu.Lock()
	defer m.mu.Unlock()

	close(m.release)
	m.release = make(chan struct{})
	m.tasks = simulator.NewFaultInjector()
	m.delays = simulator.NewFaultInjector()
	m.service.ClearFaultRules()

	for _, rule := range rules {
		switch {
		case rule.Fault == nil:
			m.delays.AddRule(rule)
		case strings.HasSuffix(rule.MethodName, "_Task"):
			m.tasks.AddRule(rule)
		default:
			m.service.AddFaultRule(rule)
		}
	}
}

// struckKey is where the context of a call keeps the fault with which its task shall end.
type struckKey struct{}

// strike keeps a call waiting, and condemns its task, if a mishap in force says so.
func (m *mishaps) strike(ctx *simulator.Context, method *simulator.Method) {
	object := ctx.Map.Get(method.This)

	m.mu.Lock()
	delay := m.delays.ShouldInjectFault(method, object)
	task := m.tasks.ShouldInjectFault(method, object)
	release := m.release
	m.mu.Unlock()

	if delay != nil {
		select {
		case <-time.After(time.Duration(delay.Delay) * time.Millisecond):
		case <-release:
		}
	}
	if task != nil {
		ctx.Context = context.WithValue(ctx.Context, struckKey{}, task.Fault)
	}
}

// struck is the fault with which the task of a call shall end, or nil.
func struck(ctx *simulator.Context) types.BaseMethodFault {
	fault, _ := ctx.Value(struckKey{}).(types.BaseMethodFault)

	return fault
}
