package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// control is the endpoint for tests: what it does happens behind the back of whoever uses the vCenter, and is not
// among the calls.
func (s *site) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]any{}, nil) })
	mux.HandleFunc("GET /v1/calls", func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.Atoi(or(r.URL.Query().Get("after"), "0"))
		reply(w, map[string]any{"calls": s.calls.since(after, r.URL.Query().Get("method"))}, err)
	})
	mux.HandleFunc("GET /v1/rules", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"rules": s.rules.list()}, nil)
	})
	mux.HandleFunc("DELETE /v1/rules", func(w http.ResponseWriter, _ *http.Request) {
		s.rules.clear()
		reply(w, map[string]any{}, nil)
	})
	mux.HandleFunc("POST /v1/rules", posted(func(new *rule) (any, error) {
		id, err := s.rules.add(*new)
		return map[string]any{"id": id}, err
	}))
	mux.HandleFunc("GET /v1/sessions", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"sessions": s.listSessions()}, nil)
	})
	mux.HandleFunc("POST /v1/sessions/end", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"ended": s.endSessions()}, nil)
	})
	mux.HandleFunc("POST /v1/times", func(w http.ResponseWriter, r *http.Request) {
		s.settings.Lock()
		defer s.settings.Unlock()
		reply(w, &s.settings.Times, decode(r, &s.settings.Times))
	})
	mux.HandleFunc("GET /v1/machines", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"machines": s.listMachines()}, nil)
	})
	mux.HandleFunc("POST /v1/machines/{action}", s.act)
	return mux
}

// order is what to do to a machine; each action uses its own part.
type order struct {
	Machine string `json:"machine"` // vm-12, an inventory path, or a name that is the only one

	State  string `json:"state"`  // power: on, off, suspended
	To     string `json:"to"`     // rename, clone: the new name
	Folder string `json:"folder"` // clone: the folder's path, else the machine's own

	CPU         int32             `json:"cpu"` // configure
	MemoryMiB   int64             `json:"memoryMiB"`
	ExtraConfig map[string]string `json:"extraConfig"` // an empty value removes
	Attributes  map[string]string `json:"attributes"`  // custom attributes

	Tools     *bool               `json:"tools"`     // guest: VMware Tools run
	Deaf      *bool               `json:"deaf"`      // guest: it listens to no shutdown
	Addresses map[string][]string `json:"addresses"` // guest: by MAC
}

// act does one thing to a machine.
func (s *site) act(w http.ResponseWriter, r *http.Request) {
	actions := map[string]func(*simulator.VirtualMachine, *order) error{
		"power": s.power, "rename": s.rename, "clone": s.cloneBehind, "destroy": s.destroy,
		"configure": s.configure, "guest": s.guest,
	}
	act, ok := actions[r.PathValue("action")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	posted(func(what *order) (any, error) {
		vm, err := s.find(what.Machine)
		if err != nil {
			return nil, err
		}
		return map[string]any{"machine": vm.Self.Value}, act(vm, what)
	})(w, r)
}

// shown is a machine as the backend has it, for a test to compare with.
type shown struct {
	ID           string            `json:"id"`
	Path         string            `json:"path"`
	Pool         string            `json:"pool"`      // the path
	Datastore    string            `json:"datastore"` // the name
	Power        string            `json:"power"`
	Template     bool              `json:"template"`
	CPU          int32             `json:"cpu"`
	MemoryMiB    int32             `json:"memoryMiB"`
	UUID         string            `json:"uuid"`
	InstanceUUID string            `json:"instanceUuid"`
	ExtraConfig  map[string]any    `json:"extraConfig"`
	Attributes   map[string]string `json:"attributes"`
	NICs         map[string]string `json:"nics"` // the network, by MAC
	Address      string            `json:"address"`
}

func (s *site) listMachines() []shown {
	listed := []shown{}
	for _, entity := range s.registry.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		s.locked(vm, func(*simulator.Context) { listed = append(listed, s.showMachine(vm)) })
	}
	return listed
}

func (s *site) showMachine(vm *simulator.VirtualMachine) shown {
	seen := shown{
		ID: vm.Self.Value, Path: s.path(vm), Power: string(vm.Runtime.PowerState), Template: vm.Config.Template,
		CPU: vm.Config.Hardware.NumCPU, MemoryMiB: vm.Config.Hardware.MemoryMB,
		UUID: vm.Config.Uuid, InstanceUUID: vm.Config.InstanceUuid, Address: vm.Guest.IpAddress,
		ExtraConfig: map[string]any{}, Attributes: map[string]string{}, NICs: map[string]string{},
	}
	if vm.ResourcePool != nil { // a template has none
		seen.Pool = s.path(s.registry.Get(*vm.ResourcePool).(mo.Entity))
	}
	if len(vm.Datastore) > 0 {
		if store, ok := s.registry.Get(vm.Datastore[0]).(mo.Entity); ok {
			seen.Datastore = store.Entity().Name
		}
	}
	for _, each := range vm.Config.ExtraConfig {
		seen.ExtraConfig[each.GetOptionValue().Key] = each.GetOptionValue().Value
	}
	for _, each := range vm.CustomValue {
		if value, ok := each.(*types.CustomFieldStringValue); ok {
			seen.Attributes[s.fieldName(value.Key)] = value.Value
		}
	}
	for _, device := range vm.Config.Hardware.Device {
		if card, ok := device.(types.BaseVirtualEthernetCard); ok {
			nic := card.GetVirtualEthernetCard()
			seen.NICs[nic.MacAddress] = s.guests.network(nic)
		}
	}
	return seen
}

func (s *site) fieldName(key int32) string {
	for _, field := range s.registry.CustomFieldsManager().Field {
		if field.Key == key {
			return field.Name
		}
	}
	return strconv.Itoa(int(key))
}

// folder finds a folder by its path.
func (s *site) folder(path string) (*simulator.Folder, error) {
	for _, entity := range s.registry.All("Folder") {
		if s.path(entity) == path {
			return entity.(*simulator.Folder), nil
		}
	}
	return nil, fmt.Errorf("there is no folder %s", path)
}

func posted[T any](do func(*T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		what := new(T)
		if err := decode(r, what); err != nil {
			reply(w, nil, err)
			return
		}
		answer, err := do(what)
		reply(w, answer, err)
	}
}

func decode(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func reply(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"error": err.Error()}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		log.Printf("control: %s", err)
	}
}

var _ mo.Reference = reference{}
