package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"municipal-cloud/lab/vcenter/internal/center"
)

// readCredentials reads the account from a file that only memory should hold.
func readCredentials(file string) (center.Credentials, error) {
	var account center.Credentials

	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return account, fmt.Errorf("%s: %w. Name a readable file with -credentials", file, err)
	}

	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	// The decoder's own message could quote the password.
	if decoder.Decode(&account) != nil || account.User == "" || account.Password == "" {
		return account, fmt.Errorf(`%s: not credentials. An object with "user" and "password", both not empty, is allowed. Correct it`, file)
	}

	return account, nil
}
