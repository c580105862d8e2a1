package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"

	"github.com/vmware/govmomi/simulator"
)

// metadata is the part of cloud-init's metadata (its datasource VMware) that gives a NIC fixed addresses.
type metadata struct {
	Network struct {
		Config    *ethernets `json:"config"`
		Ethernets map[string]ethernet
	} `json:"network"`
}

type ethernets struct {
	Ethernets map[string]ethernet `json:"ethernets"`
}

type ethernet struct {
	Match struct {
		MacAddress string `json:"macaddress"`
	} `json:"match"`
	Addresses []string `json:"addresses"`
}

// metadataAddresses are the addresses, by MAC, that `guestinfo.metadata` gives. It reads JSON only (which is YAML too):
// other metadata is as if there were none, and its NICs use DHCP.
func metadataAddresses(vm *simulator.VirtualMachine) map[string][]string {
	values := map[string]string{}
	for _, each := range vm.Config.ExtraConfig {
		option := each.GetOptionValue()
		if text, ok := option.Value.(string); ok {
			values[option.Key] = text
		}
	}
	text, ok := decoded(values["guestinfo.metadata"], values["guestinfo.metadata.encoding"])
	if !ok {
		return nil
	}
	var read metadata
	if json.Unmarshal(text, &read) != nil {
		return nil
	}
	all := read.Network.Ethernets
	if read.Network.Config != nil {
		all = read.Network.Config.Ethernets
	}
	found := map[string][]string{}
	for _, each := range all {
		for _, address := range each.Addresses {
			mac := strings.ToLower(each.Match.MacAddress)
			found[mac] = append(found[mac], strings.Split(address, "/")[0])
		}
	}
	return found
}

func decoded(text, encoding string) ([]byte, bool) {
	raw := []byte(text)
	if encoding == "" {
		return raw, text != ""
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
	if strings.HasPrefix(encoding, "gz") {
		reader, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, false
		}
		raw, err = io.ReadAll(io.LimitReader(reader, 1<<20))
		return raw, err == nil
	}
	return raw, true
}
