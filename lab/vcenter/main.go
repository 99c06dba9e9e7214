// Command lab-vcenter is the vCenter of the lab: a vSphere API on loopback, with an inventory that
// a description gives it and the hypervisor agent brings to life.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"municipal-cloud/lab/vcenter/internal/center"
	"municipal-cloud/lab/vcenter/internal/description"
)

// Exit codes of the product.
const (
	exitDone     = 0
	exitBadInput = 2
	exitFailed   = 4
	exitOurBug   = 70
)

// shutdownGrace is how long clients may finish what they began when the vCenter is told to stop.
const shutdownGrace = 2 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run serves until the context ends and returns the exit code.
func run(ctx context.Context, arguments []string, out, log io.Writer) int {
	flags := flag.NewFlagSet("lab-vcenter", flag.ContinueOnError)
	flags.SetOutput(log)
	config := flags.String("config", "", "description of the datacenter, `FILE`.yaml")
	listen := flags.String("listen", "", "loopback `ADDRESS:PORT` to serve on")
	credentials := flags.String("credentials", "", "JSON `FILE` with user and password")

	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitBadInput
	}
	if *config == "" || *listen == "" || *credentials == "" || flags.NArg() > 0 {
		fmt.Fprintln(log, "lab-vcenter: -config, -listen and -credentials are required, nothing else. See -help.")
		return exitBadInput
	}

	datacenter, err := description.Load(*config)
	if err != nil {
		fmt.Fprintln(log, err)
		return exitBadInput
	}
	account, err := readCredentials(*credentials)
	if err != nil {
		fmt.Fprintln(log, err)
		return exitBadInput
	}
	listener, err := listenLoopback(*listen)
	if err != nil {
		fmt.Fprintln(log, err)
		return exitBadInput
	}

	if err := serve(ctx, listener, datacenter, account, out, slog.New(slog.NewTextHandler(log, nil))); err != nil {
		fmt.Fprintln(log, "lab-vcenter:", err)
		return exitFailed
	}

	return exitDone
}

func serve(ctx context.Context, listener net.Listener, datacenter *description.Datacenter, account center.Credentials, out io.Writer, log *slog.Logger) error {
	useSimulatorLog(log)

	certificate, err := selfSigned(time.Now())
	if err != nil {
		return errors.Join(err, listener.Close())
	}

	vcenter, err := center.New(datacenter, account, listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}

	server := &http.Server{
		Handler:           crashOnPanic(vcenter, log, os.Exit),
		ReadHeaderTimeout: 10 * time.Second,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}

	server.RegisterOnShutdown(vcenter.Release)

	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()

	address := url.URL{Scheme: "https", Host: listener.Addr().String(), Path: "/sdk"}
	err = json.NewEncoder(out).Encode(map[string]string{
		"url":         address.String(),
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})),
	})
	if err != nil {
		err = fmt.Errorf("say that the vCenter serves: %w", err)
	}

	if err == nil {
		select {
		case <-ctx.Done():
			log.Info("stopping")
		case err = <-failed:
		}
	}

	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if stopped := server.Shutdown(grace); stopped != nil {
		stopped = server.Close()
		err = errors.Join(err, stopped)
	}

	return errors.Join(err, vcenter.Close())
}

func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("-listen: %q is not a loopback address with a port. The lab serves this machine only. Use 127.0.0.1:PORT", address)
	}

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("-listen: %w. A free port is required. Choose another", err)
	}

	return listener, nil
}
