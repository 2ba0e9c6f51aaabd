package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// sealers is what only those who seal read of a log: who they were, the keys that the log keeps, and the edge of the tree
// that the next of them goes on from. Nil for an export of an earlier version, which does not say.
type sealers struct {
	known   map[int64]bool
	later   []string // keys that the log keeps beside its first one
	awaited map[string]bool
	newest  *int64
}

func newSealers(epochs []int64, keys []string) *sealers {
	s := &sealers{known: map[int64]bool{}, awaited: map[string]bool{}}
	for _, epoch := range epochs {
		s.known[epoch] = true
	}
	if len(keys) > 1 {
		s.later = keys[1:]
	}
	return s
}

// awaits takes the key of a rotation that is not sealed yet.
func (s *sealers) awaits(details json.RawMessage) {
	var rotation struct{ From, To, Note string }
	if s != nil && json.Unmarshal(details, &rotation) == nil {
		s.awaited[rotation.To] = true
	}
}

// judge says what is wrong with who sealed a checkpoint, and with the edge that is kept with it. The edge of a tree whose
// root is not the signed one says nothing.
func (s *sealers) judge(record Record, edge [][]byte, isRight bool) (reasons []string) {
	if s == nil {
		return nil
	}
	if isRight && !bytes.Equal(record.Edge, bytes.Join(edge, nil)) {
		reasons = append(reasons, "is kept with another edge of the tree")
	}
	switch {
	case record.Sealer == nil || !s.known[*record.Sealer]:
		reasons = append(reasons, "is of a sealer that is not there")
	case s.newest != nil && *record.Sealer < *s.newest:
		reasons = append(reasons, fmt.Sprintf("is of the sealer %d, after one of %d", *record.Sealer, *s.newest))
	}
	if record.Foreign != nil {
		reasons = append(reasons, fmt.Sprintf("has the seal %d of another sealer", *record.Foreign))
	}
	if record.Sealer != nil && (s.newest == nil || *record.Sealer > *s.newest) {
		s.newest = record.Sealer
	}
	return reasons
}

// unexplained is the keys that the log keeps and that no rotation, sealed or waiting, handed it to.
func (s *sealers) unexplained(schedule keys) (found []string) {
	if s == nil {
		return nil
	}
	for _, vkey := range s.later {
		if !schedule.has(vkey) && !s.awaited[vkey] {
			found = append(found, vkey)
		}
	}
	return found
}
