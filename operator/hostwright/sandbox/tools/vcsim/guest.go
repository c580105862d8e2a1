package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// subnets are what DHCP gives on the port groups; all other networks share the last one.
var subnets = map[string]string{"app": "10.1", "db": "10.2", "": "10.9"}

// guests are the operating systems in the machines, as far as VMware Tools would tell of them.
type guests struct {
	site *site
	mu   sync.Mutex
	of   map[types.ManagedObjectReference]*guest
	// leases are the addresses once given, by MAC; last is the last number given on a subnet.
	leases map[string]string
	last   map[string]int
}

type guest struct {
	boots     int // which boot this is: what was planned for an earlier one does not happen
	noTools   bool
	deaf      bool // listens to no shutdown
	addresses map[string][]string
}

// get gives the guest of a machine; the caller holds the lock.
func (g *guests) get(vm types.ManagedObjectReference) *guest {
	if g.of == nil {
		g.of, g.leases, g.last = map[types.ManagedObjectReference]*guest{}, map[string]string{}, map[string]int{}
	}
	if g.of[vm] == nil {
		g.of[vm] = &guest{addresses: map[string][]string{}}
	}
	return g.of[vm]
}

func (g *guests) with(vm types.ManagedObjectReference, change func(*guest)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g.get(vm))
}

func (g *guests) forget(vm types.ManagedObjectReference) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.of, vm)
}

// listens: VMware Tools run in the guest now.
func (g *guests) listens(vm *simulator.VirtualMachine) bool {
	return vm.Guest.ToolsRunningStatus == string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
}

// later does something to a machine after a while, unless it was started or stopped meanwhile.
func (g *guests) later(vm *simulator.VirtualMachine, delay time.Duration, act func()) {
	var boot int
	g.with(vm.Self, func(guest *guest) { boot = guest.boots })
	go func() {
		time.Sleep(delay)
		g.site.locked(vm, func(*simulator.Context) {
			var now int
			g.with(vm.Self, func(guest *guest) { now = guest.boots })
			if now == boot && g.site.registry.Get(vm.Self) != nil {
				act()
			}
		})
	}()
}

// started lets the guest come up; the caller holds the machine's lock, here and below.
func (g *guests) started(vm *simulator.VirtualMachine) {
	g.with(vm.Self, func(guest *guest) { guest.boots++ })
	g.later(vm, g.site.settings.boot(), func() { g.show(vm) })
}

// stopped clears what the guest said.
func (g *guests) stopped(vm *simulator.VirtualMachine) {
	g.with(vm.Self, func(guest *guest) { guest.boots++ })
	g.site.update(vm, silence()...)
}

// shutDown lets the guest power its machine off by itself.
func (g *guests) shutDown(vm *simulator.VirtualMachine) {
	var deaf bool
	g.with(vm.Self, func(guest *guest) { deaf = guest.deaf })
	if deaf {
		return
	}
	g.later(vm, g.site.settings.shutdown(), func() {
		off := types.VirtualMachinePowerStatePoweredOff
		g.site.update(vm,
			types.PropertyChange{Name: "runtime.powerState", Val: off},
			types.PropertyChange{Name: "summary.runtime.powerState", Val: off})
		g.stopped(vm)
	})
}

// show puts into the machine's properties what the guest says of itself now.
func (g *guests) show(vm *simulator.VirtualMachine) {
	on := vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
	var talks bool
	g.with(vm.Self, func(guest *guest) { talks = on && !guest.noTools })
	if !talks {
		g.site.update(vm, silence()...)
		return
	}
	nics := g.nics(vm)
	var first any
	for _, nic := range nics {
		if len(nic.IpAddress) > 0 {
			first = nic.IpAddress[0]
			break
		}
	}
	running := string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
	g.site.update(vm, guestProperties(first, vm.Name, running, types.VirtualMachineToolsStatusToolsOk,
		string(types.VirtualMachineGuestStateRunning), types.ManagedEntityStatusGreen, nics)...)
}

// nics are the guest's network cards with their addresses: told by a test, written by cloud-init, or by DHCP.
func (g *guests) nics(vm *simulator.VirtualMachine) []types.GuestNicInfo {
	written := metadataAddresses(vm)
	var found []types.GuestNicInfo
	for _, device := range vm.Config.Hardware.Device {
		card, ok := device.(types.BaseVirtualEthernetCard)
		if !ok {
			continue
		}
		nic := card.GetVirtualEthernetCard()
		network := g.network(nic)
		addresses := written[nic.MacAddress]
		g.with(vm.Self, func(guest *guest) {
			if told, ok := guest.addresses[nic.MacAddress]; ok {
				addresses = told
			}
		})
		if addresses == nil {
			addresses = []string{g.lease(network, nic.MacAddress)}
		}
		found = append(found, types.GuestNicInfo{
			Network: network, IpAddress: addresses, MacAddress: nic.MacAddress, Connected: true, DeviceConfigId: nic.Key,
		})
	}
	return found
}

func (g *guests) lease(network, mac string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leases[mac] == "" {
		subnet, ok := subnets[network]
		if !ok {
			subnet = subnets[""]
		}
		g.last[subnet]++
		number := g.last[subnet] + 9
		g.leases[mac] = fmt.Sprintf("%s.%d.%d", subnet, number/250, number%250+1)
	}
	return g.leases[mac]
}

func (g *guests) network(nic *types.VirtualEthernetCard) string {
	switch backing := nic.Backing.(type) {
	case *types.VirtualEthernetCardNetworkBackingInfo:
		return backing.DeviceName
	case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
		group := types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: backing.Port.PortgroupKey}
		if object, ok := g.site.registry.Get(group).(mo.Entity); ok {
			return object.Entity().Name
		}
	}
	return ""
}

// silence is what a machine shows whose guest says nothing.
func silence() []types.PropertyChange {
	return guestProperties(nil, nil, string(types.VirtualMachineToolsRunningStatusGuestToolsNotRunning),
		types.VirtualMachineToolsStatusToolsNotRunning, string(types.VirtualMachineGuestStateNotRunning),
		types.ManagedEntityStatusGray, []types.GuestNicInfo{})
}

func guestProperties(
	address, name any, running string, tools types.VirtualMachineToolsStatus, state string,
	beat types.ManagedEntityStatus, nics []types.GuestNicInfo,
) []types.PropertyChange {
	return []types.PropertyChange{
		{Name: "guest.net", Val: nics},
		{Name: "guest.ipAddress", Val: address},
		{Name: "guest.hostName", Val: name},
		{Name: "guest.guestState", Val: state},
		{Name: "guest.toolsStatus", Val: tools},
		{Name: "guest.toolsRunningStatus", Val: running},
		{Name: "guestHeartbeatStatus", Val: beat},
		{Name: "summary.guest.ipAddress", Val: address},
		{Name: "summary.guest.hostName", Val: name},
		{Name: "summary.guest.toolsStatus", Val: tools},
		{Name: "summary.guest.toolsRunningStatus", Val: running},
	}
}
