package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// keys is which key signs checkpoints larger than a size.
type keys struct {
	spans []span
}

type span struct {
	above int64
	vkey  string
}

func (k *keys) start(vkey string) error {
	_, err := note.NewVerifier(vkey)
	k.spans = append(k.spans, span{-1, vkey})
	return err
}

func (k *keys) has(vkey string) bool {
	for _, one := range k.spans {
		if one.vkey == vkey {
			return true
		}
	}
	return false
}

func (k *keys) forSize(size uint64) string {
	for at := len(k.spans) - 1; at >= 0; at-- {
		if int64(size) > k.spans[at].above {
			return k.spans[at].vkey
		}
	}
	return ""
}

func (k *keys) open(text string, size uint64) (string, uint64, []byte, error) {
	return openWith(text, k.forSize(size))
}

func (k *keys) rotate(index uint64, origin string, details json.RawMessage) error {
	var rotation struct{ From, To, Note string }
	if err := json.Unmarshal(details, &rotation); err != nil {
		return err
	}
	if len(k.spans) == 0 || k.spans[len(k.spans)-1].vkey != rotation.From {
		return errors.New("it does not begin at the key in use")
	}
	for _, vkey := range []string{rotation.From, rotation.To} {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			return err
		}
		opened, err := note.Open([]byte(rotation.Note), note.VerifierList(verifier))
		if err != nil {
			return err
		}
		if opened.Text != fmt.Sprintf("scc audit key rotation\n%s\n%s\n%s\n", origin, rotation.From, rotation.To) {
			return errors.New("it states something else")
		}
	}
	k.spans = append(k.spans, span{int64(index), rotation.To})
	return nil
}

func openWith(text, vkey string) (string, uint64, []byte, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return "", 0, nil, err
	}
	if _, err := note.Open([]byte(text), note.VerifierList(verifier)); err != nil {
		return "", 0, nil, err
	}
	return parseCheckpoint(text)
}

func parseCheckpoint(text string) (origin string, size uint64, root []byte, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || !strings.HasPrefix(lines[3], "\n") && !strings.HasPrefix(lines[3], previousLine) {
		return "", 0, nil, errors.New("not a checkpoint")
	}
	size, err = strconv.ParseUint(lines[1], 10, 63)
	if err == nil {
		root, err = base64.StdEncoding.DecodeString(lines[2])
	}
	return lines[0], size, root, err
}

const previousLine = "previous "

// previousOf is the size that a checkpoint says was signed before it; 0 when it says none.
func previousOf(text string) uint64 {
	lines := strings.SplitN(text, "\n", 5)
	if len(lines) < 5 || !strings.HasPrefix(lines[3], previousLine) {
		return 0
	}
	previous, _ := strconv.ParseUint(strings.TrimPrefix(lines[3], previousLine), 10, 63)
	return previous
}
