package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"log"
	"net/http"
	"os"
	"runtime/debug"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// front receives all calls: it remembers them, and does to them what the rules say.
type front struct {
	site  *site
	inner http.Handler
}

const sdkPath = "/sdk"

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, sdkPath) {
		f.inner.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	asked := readCall(body)
	name := asked.name
	if vm, ok := f.site.registry.Get(types.ManagedObjectReference{Type: asked.kind, Value: asked.object}).(*simulator.VirtualMachine); ok && name == "" {
		name = vm.Name
	}
	begun := f.site.calls.begin(asked.method, asked.object, name)
	outcome := "dropped"
	defer func() { f.site.calls.end(begun, outcome) }()

	if slow, ok := f.site.rules.take(asked.method, name, doSlow); ok {
		slow.pause()
	}
	if stop, ok := f.site.rules.take(asked.method, name, doDrop, doFault); ok {
		if stop.Do == doDrop {
			panic(http.ErrAbortHandler) // closes the connection without a reply
		}
		outcome = stop.Fault
		f.refuse(w, stop)
		return
	}
	answer := &recorded{header: w.Header(), status: http.StatusOK}
	f.carryOut(asked, answer, r)
	outcome = answer.outcome()
	if slow, ok := f.site.rules.take(asked.method, name, doSlowReply); ok {
		slow.pause()
	}
	if _, ok := f.site.rules.take(asked.method, name, doLose); ok {
		outcome = "lost"
		panic(http.ErrAbortHandler)
	}
	if cookie, err := r.Cookie(soap.SessionCookieName); err == nil && outcome == "RequestCanceled" && f.site.sessions.wasEnded(cookie.Value) {
		outcome = "NotAuthenticated"
		f.refuse(w, rule{Fault: outcome})
		return
	}
	w.WriteHeader(answer.status)
	if _, err := w.Write(worded(answer.body.Bytes())); err != nil {
		log.Printf("%s: the client has gone: %s", asked.method, err)
	}
}

// carryOut lets the simulator do it. Where it panics it leaves its objects locked for ever: better that all ends at once.
func (f *front) carryOut(asked asked, answer *recorded, r *http.Request) {
	defer func() {
		if broken := recover(); broken != nil {
			log.Printf("%s: %v\n%s", asked.method, broken, debug.Stack())
			os.Exit(2)
		}
	}()
	if asked.kind == "SearchIndex" { // it panics at a machine that has no name yet, as those in the making have
		f.site.creation.Lock()
		defer f.site.creation.Unlock()
	}
	f.inner.ServeHTTP(answer, r)
}

func (f *front) refuse(w http.ResponseWriter, why rule) {
	fault, err := namedFault(why.Fault)
	if err != nil {
		panic(err) // the rules have looked
	}
	text := why.Message
	if text == "" {
		text = messageOf(why.Fault)
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	if err := writeFault(w, fault, text); err != nil {
		log.Printf("%s: %s", why.Fault, err)
	}
}

// recorded is an answer before it is sent.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header               { return r.header }
func (r *recorded) WriteHeader(status int)            { r.status = status }
func (r *recorded) Write(content []byte) (int, error) { return r.body.Write(content) }

func (r *recorded) outcome() string {
	if r.status == http.StatusOK {
		return "ok"
	}
	if found := faultType.FindSubmatch(r.body.Bytes()); found != nil {
		return string(found[1])
	}
	return http.StatusText(r.status)
}

// asked is what can be told of a call without understanding it.
type asked struct {
	method, kind, object, name string
}

// readCall reads the method's name, the object, and where it is a clone or a new folder its name.
func readCall(body []byte) asked {
	var read asked
	decoder := xml.NewDecoder(bytes.NewReader(body))
	depth, inBody := 0, false
	for {
		token, err := decoder.Token()
		if err != nil {
			return read // the simulator will say what is wrong with it
		}
		switch element := token.(type) {
		case xml.StartElement:
			depth++
			switch {
			case depth == 2:
				inBody = element.Name.Local == "Body"
			case depth == 3 && inBody:
				read.method = element.Name.Local
			case depth == 4 && inBody && (element.Name.Local == "_this" || element.Name.Local == "name"):
				var content struct {
					Type string `xml:"type,attr"`
					Text string `xml:",chardata"`
				}
				if decoder.DecodeElement(&content, &element) != nil {
					return read
				}
				depth--
				if element.Name.Local == "name" {
					read.name = content.Text
				} else {
					read.kind, read.object = content.Type, content.Text
				}
			}
		case xml.EndElement:
			depth--
		}
	}
}
