// Checks operations.jsonl of `firstclaim chaos --histories FOLDER` with Porcupine: is there one order of each lead's
// operations that explains every answer? Run: go run . FOLDER/operations.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

type input struct {
	Op      string  `json:"op"`
	Process string  `json:"process"`
	Key     string  `json:"key"`
	To      *string `json:"to"`
}

type output struct {
	Result string  `json:"result"`
	Owner  *string `json:"owner"`
}

type line struct {
	ClientID int    `json:"client_id"`
	Call     int64  `json:"call"`
	Return   int64  `json:"return"`
	Input    input  `json:"input"`
	Output   output `json:"output"`
}

const nobody = ""

// after returns whether a register that holds owner allows this answer, and what it holds then.
func after(owner string, in input, out output) (bool, string) {
	to := nobody
	if in.To != nil {
		to = *in.To
	}
	said := out.Owner == nil || *out.Owner == owner
	switch in.Op + " " + out.Result {
	case "claim won":
		return owner == nobody || owner == in.Process, in.Process
	case "claim lost":
		return owner != nobody && owner != in.Process && said, owner
	case "assign done":
		return owner == nobody, to
	case "assign lost":
		return owner != nobody && said, owner
	case "move done":
		return owner != nobody, to
	case "move refused":
		return owner == nobody, owner
	case "free done":
		if owner == to {
			return true, to
		}
		return true, nobody
	case "release done":
		return owner == in.Process, nobody
	case "release refused":
		return owner != in.Process, owner
	case "leave done":
		return owner == nobody || owner == in.Process, nobody
	case "expire done":
		return owner == in.Process, nobody
	}
	panic("no such operation: " + in.Op + " " + out.Result)
}

// effects has the answer that an operation with unknown outcome would have got, had it taken effect.
var effects = map[string]string{
	"claim": "won", "assign": "done", "move": "done", "free": "done", "release": "done", "leave": "done",
	"expire": "done",
}

var owners = porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(input).Key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []interface{} { return []interface{}{nobody} },
	Step: func(state, in, out interface{}) []interface{} {
		owner, asked, answer := state.(string), in.(input), out.(output)
		if answer.Result != "unknown" {
			if allowed, then := after(owner, asked, answer); allowed {
				return []interface{}{then}
			}
			return nil
		}
		states := []interface{}{owner} // it had no effect
		if allowed, then := after(owner, asked, output{Result: effects[asked.Op]}); allowed && then != owner {
			states = append(states, then)
		}
		return states
	},
	Equal: func(one, other interface{}) bool { return one == other },
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		panic(err)
	}
	defer file.Close()
	var history []porcupine.Operation
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var one line
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		history = append(history, porcupine.Operation{
			ClientId: one.ClientID, Input: one.Input, Call: one.Call, Output: one.Output, Return: one.Return,
		})
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	result := porcupine.CheckOperationsTimeout(owners.ToModel(), history, 10*time.Minute)
	fmt.Printf("%d operations: %s\n", len(history), result)
	if result != porcupine.Ok {
		os.Exit(1)
	}
}
