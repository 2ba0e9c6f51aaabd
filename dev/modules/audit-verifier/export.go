package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Hex is bytes that JSON holds as hexadecimal text.
type Hex []byte

func (h *Hex) UnmarshalText(text []byte) error {
	bytes, err := hex.DecodeString(string(text))
	*h = bytes
	return err
}

// Entry is a stored row. Go's JSON reads the body as base64.
type Entry struct {
	Row     int64     `json:"row"`
	Leaf    Hex       `json:"leaf"`
	Body    []byte    `json:"body"`
	Columns []*string `json:"columns"`
}

// Record is any line of an export; T tells which members count.
type Record struct {
	T          string          `json:"t"`
	Origin     string          `json:"origin"`
	Keys       []string        `json:"keys"`
	ExportedAt string          `json:"exportedAt"`
	Index      uint64          `json:"index"`
	Level      uint64          `json:"level"`
	Sealed     json.RawMessage `json:"sealed"`
	Entry      *Entry          `json:"entry"`
	Hashes     []byte          `json:"hashes"`
	Root       Hex             `json:"root"`
	Size       uint64          `json:"size"`
	Note       string          `json:"note"`
	Unsealed   uint64          `json:"unsealed"`
	Count      uint64          `json:"checkpoints"`
	Sealers    *[]int64        `json:"sealers"`
	Edge       []byte          `json:"edge"`
	Sealer     *int64          `json:"sealer"`
	Foreign    *uint64         `json:"foreign"`
}

// Body is what the bytes of an entry say, as far as it is judged here.
type Body struct {
	V          int                   `json:"v"`
	ID         string                `json:"id"`
	OccurredAt time.Time             `json:"occurredAt"`
	Actor      struct{ Name string } `json:"actor"`
	Action     string                `json:"action"`
	Object     struct {
		Kind      string  `json:"kind"`
		Namespace *string `json:"namespace"`
		Name      *string `json:"name"`
	} `json:"object"`
	RequestID *string         `json:"requestId"`
	Details   json.RawMessage `json:"details"`
}

const maxLine = 1 << 20

func readRecords(input io.Reader, see func(Record) error) error {
	lines := bufio.NewScanner(input)
	lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	for number := 1; lines.Scan(); number++ {
		var record Record
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if err := see(record); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return lines.Err()
}
