package interprocess

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The code of the parent and the child in the README is that of Example, verbatim.
func TestREADMEExample(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	unix := strings.NewReplacer("\r\n", "\n") // git may check files out otherwise on Windows
	_, text, found := strings.Cut(unix.Replace(string(readme)), "## Between processes\n")
	require.True(t, found, "README.md has no part about processes")
	_, text, found = strings.Cut(text, "```go\n")
	require.True(t, found, "that part has no example")
	text, _, _ = strings.Cut(text, "```")
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		assert.Contains(t, unix.Replace(string(examples)), "\n\t"+strings.ReplaceAll(part, "\n", "\n\t")+"\n")
	}
}
