package main

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// messages are a vCenter's words, in English, for faults by their type. The simulator has none.
var messages = map[string]string{
	"CpuHotPlugNotSupported":     "CPU hot plug is not supported for this virtual machine.",
	"DuplicateName":              "The name already exists.",
	"InsufficientResourcesFault": "The operation could not be completed due to insufficient resources.",
	"InvalidDatastore":           "Operation not valid for this datastore.",
	"InvalidLogin":               "Cannot complete login due to an incorrect user name or password.",
	"InvalidPowerState":          "The attempted operation cannot be performed in the current state.",
	"ManagedObjectNotFound":      "The object has already been deleted or has not been completely created",
	"MemoryHotPlugNotSupported":  "Memory hot plug is not supported for this virtual machine.",
	"NoPermission":               "Permission to perform this operation was denied.",
	"NotAuthenticated":           "The session is not authenticated.",
	"RequestCanceled":            "The task was canceled by a user.",
	"ToolsUnavailable":           "Cannot complete operation because VMware Tools is not running in this virtual machine.",
}

func message(fault any) string {
	return messageOf(reflect.TypeOf(fault).Elem().Name())
}

func messageOf(name string) string {
	if known, ok := messages[name]; ok {
		return known
	}
	return "A general system error occurred: " + name
}

// namedFault makes a fault of a type of the vSphere API, such as NoPermission.
func namedFault(name string) (types.BaseMethodFault, error) {
	kind, ok := types.TypeFunc()(name)
	if ok {
		if fault, ok := reflect.New(kind).Interface().(types.BaseMethodFault); ok {
			return fault, nil
		}
	}
	return nil, fmt.Errorf("the vSphere API has no fault %q", name)
}

const envelope = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" ` +
	`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault>` +
	`<faultcode>ServerFaultCode</faultcode><faultstring>%s</faultstring><detail>%s</detail>` +
	`</soapenv:Fault></soapenv:Body></soapenv:Envelope>`

// writeFault writes a SOAP fault.
func writeFault(to io.Writer, fault types.BaseMethodFault, text string) error {
	kind := reflect.TypeOf(fault).Elem().Name()
	var detail, escaped strings.Builder
	start := xml.StartElement{Name: xml.Name{Local: kind + "Fault"}, Attr: []xml.Attr{
		{Name: xml.Name{Local: "xmlns"}, Value: "urn:vim25"}, {Name: xml.Name{Local: "xsi:type"}, Value: kind},
	}}
	if err := xml.NewEncoder(&detail).EncodeElement(fault, start); err != nil {
		return err
	}
	if err := xml.EscapeText(&escaped, []byte(text)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, envelope, escaped.String(), detail.String())
	return err
}

var (
	faultText = regexp.MustCompile(`<faultstring>[^<]*</faultstring><detail><(\w+)Fault `)
	goFault   = regexp.MustCompile(`<localizedMessage>\*types\.(\w+)</localizedMessage>`)
	faultType = regexp.MustCompile(`<detail><(\w+)Fault `)
)

// worded gives the simulator's faults their words.
func worded(answer []byte) []byte {
	answer = faultText.ReplaceAllFunc(answer, func(found []byte) []byte {
		name := string(faultText.FindSubmatch(found)[1])
		if _, known := messages[name]; !known && !bytes.Contains(found, []byte("<faultstring></")) {
			return found
		}
		return []byte("<faultstring>" + messageOf(name) + "</faultstring><detail><" + name + "Fault ")
	})
	return goFault.ReplaceAllFunc(answer, func(found []byte) []byte {
		name := string(goFault.FindSubmatch(found)[1])
		return []byte("<localizedMessage>" + messageOf(name) + "</localizedMessage>")
	})
}
