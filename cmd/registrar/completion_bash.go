package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// writeBashCompletion writes the script for bash. Cobra's needs the package
// bash-completion for the words of the line; where that is missing, which it is on many
// servers, and in macOS, ours finds them.
func writeBashCompletion(w io.Writer, root *cobra.Command) error {
	if err := root.GenBashCompletionV2(w, true); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, bashWords)
	return err
}

// bashWords replaces a function of cobra's script. Bash ends a word at ':' and '=' too
// (COMP_WORDBREAKS): parts that have no space between them are joined again, and the last
// one ends at the cursor.
const bashWords = `
__registrar_init_completion()
{
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi

    local i part blank line="${COMP_LINE:0:COMP_POINT}"
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${line%%[![:space:]]*}
        line=${line#"$blank"}
        part=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then
            part=$line
        fi
        line=${line#"$part"}
        if ((i > 0)) && [[ -z $blank ]]; then
            words[${#words[@]}-1]+=$part
        else
            words+=("$part")
        fi
    done
    cword=$((${#words[@]} - 1))
    cur=${words[cword]}
    prev=
    if ((cword > 0)); then
        prev=${words[cword-1]}
    fi
}
`
