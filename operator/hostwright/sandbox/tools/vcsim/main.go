// Command vcsim is a vCenter of one's own for the sandbox: govmomi's simulator, made to behave as a real vCenter where
// it does not, with a control endpoint for tests.
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/vmware/govmomi/simulator"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8989", "address of the vCenter, TLS")
	control := flag.String("control", "127.0.0.1:8990", "address of the control endpoint, plain HTTP, loopback only")
	data := flag.String("data", "", "folder for the certificate and the datastores")
	user := flag.String("username", "administrator@vsphere.local", "the one user")
	flag.Parse()
	password := os.Getenv("VCSIM_PASSWORD") // not on the command line, which every user of the machine can read
	if *data == "" || password == "" || flag.NArg() != 0 {
		log.Fatal("usage: VCSIM_PASSWORD=… vcsim -data DIR [-listen ADDRESS] [-control ADDRESS] [-username NAME]")
	}
	if err := run(*listen, *control, *data, url.UserPassword(*user, password)); err != nil {
		log.Fatal(err)
	}
}

func run(listen, control, data string, login *url.Userinfo) error {
	certificate, err := makeCertificate(data)
	if err != nil {
		return err
	}
	model := simulator.VPX()
	model.Datacenter, model.Cluster, model.Host, model.Portgroup, model.Datastore, model.Machine = 0, 0, 0, 0, 0, 0
	about := &model.ServiceContent.About
	about.FullName, about.Version, about.ApiVersion = "VMware vCenter Server 8.0.3 build-24022515", "8.0.3", "8.0.3.0"
	files, err := emptyFolder(filepath.Join(data, "files"))
	if err != nil {
		return err
	}
	if err := os.Setenv("TMPDIR", files); err != nil { // for the simulator's own
		return err
	}
	if err := model.Create(); err != nil {
		return err
	}
	defer model.Remove()
	site := newSite(model.Service)
	if err := site.furnish(files); err != nil {
		return err
	}
	site.correct()

	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
	model.Service.Listen = &url.URL{Host: listen, User: login}
	server := model.Service.NewServer()
	server.Config.Handler = &front{site: site, inner: server.Config.Handler}

	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe(control, site.control()) }()
	log.Printf("vCenter at %s, control at %s", listen, control)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-failed:
		return err
	case <-ended:
		return nil
	}
}

// emptyFolder: nothing is kept over restarts, and the files of a run that was killed would be in the way.
func emptyFolder(path string) (string, error) {
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	return path, os.MkdirAll(path, 0o700)
}
