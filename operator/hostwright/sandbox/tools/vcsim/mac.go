package main

import (
	"fmt"
	"sync/atomic"

	"github.com/vmware/govmomi/vim25/types"
)

var macsGiven atomic.Uint32

// giveMAC gives a card without a MAC one that no other has: the simulator makes them of the last three characters of the
// machine's UUID, so that of a hundred machines two are likely to have the same.
func giveMAC(card *types.VirtualEthernetCard) {
	if card.MacAddress != "" {
		return
	}
	number := macsGiven.Add(1)
	card.MacAddress = fmt.Sprintf("00:50:56:%02x:%02x:%02x", 0x80|number>>16&0x3f, number>>8&0xff, number&0xff)
	card.AddressType = string(types.VirtualEthernetCardMacTypeAssigned)
}

// giveMACs does so for all cards that are added.
func giveMACs(changes []types.BaseVirtualDeviceConfigSpec) {
	for _, change := range changes {
		spec := change.GetVirtualDeviceConfigSpec()
		card, ok := spec.Device.(types.BaseVirtualEthernetCard)
		if ok && spec.Operation != types.VirtualDeviceConfigSpecOperationRemove {
			giveMAC(card.GetVirtualEthernetCard())
		}
	}
}
