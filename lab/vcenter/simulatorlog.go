package main

import (
	"log"
	"log/slog"
	"strings"
)

// simulatorLog takes what the simulator says. Most of it concerns requests that fail as they
// should; that it lacks a method is what somebody has to know.
type simulatorLog struct{ log *slog.Logger }

// useSimulatorLog sends the standard logger, which the simulator writes to, into ours.
func useSimulatorLog(to *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(simulatorLog{to})
}

// Write takes one line.
func (l simulatorLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))

	if strings.Contains(text, "does not implement") {
		l.log.Warn("a call that the simulator lacks", "what", text)
	} else {
		l.log.Debug(text)
	}

	return len(line), nil
}
