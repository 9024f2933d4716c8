#!/bin/sh
# Builds the synthetic voice packs: every line of config/voices/LANG.tsv, spoken by espeak-ng.
#
#   scripts/build-voices.sh OUTDIR [LANG...]        all languages when none is named
#
# OUTDIR/LANG-espeak/ then holds pack.toml and 8 kHz WAV files. A pack whose word list and recipe have
# not changed is left alone; a pack that cannot be built leaves the one before it in place.
set -eu

fail() {
    echo "build-voices: $*" >&2
    exit 1
}

voice_of() {
    case $1 in
    en) echo en-us ;;
    *) echo "$1" ;;
    esac
}

# Speaks one prompt. Two passes of sox, because the fade needs the length that trimming changes; the
# gain keeps the high-pass from clipping.
speak() { # VOICE OUTDIR FILE<TAB>WORDS
    file=${3%%	*}
    words=${3#*	}
    raw=$2/$file.raw.wav
    trimmed=$2/$file.trimmed.wav
    espeak-ng -v "$1" -s 150 -g 0 -z -w "$raw" -- "$words"
    sox "$raw" "$trimmed" gain -4 highpass 80 \
        silence 1 0.01 0.3% reverse silence 1 0.01 0.3% reverse
    sox -D "$trimmed" -b 16 -e signed-integer "$2/$file" \
        rate -v 8000 channels 1 fade t 0.003 -0 0.005 norm -3 pad 0 0.02
    rm "$raw" "$trimmed"
}

if [ "${1-}" = --speak ]; then
    shift
    speak "$@"
    exit
fi

# Ids to files, one file per different wording, named after the first id that has it.
# Prints FILE<TAB>WORDS to the first file named, and the lines of [prompts] to the second.
assign_files() { # LIST JOBS PROMPTS
    awk -F '\t' -v jobs="$2" -v prompts="$3" '
        /^#/ || /^$/ { next }
        NF != 2 || $1 == "" || $2 == "" { bad = FILENAME ":" FNR ": not an id, a tab and words"; exit }
        $1 in seen { bad = FILENAME ":" FNR ": the id " $1 " stands here twice"; exit }
        {
            seen[$1] = 1
            if (!($2 in file)) {
                file[$2] = $1 ".wav"
                gsub(/[^A-Za-z0-9.]/, "_", file[$2])
                print file[$2] "\t" $2 > jobs
            }
            printf "\"%s\" = \"%s\"\n", $1, file[$2] > prompts
        }
        END { if (bad) { print bad > "/dev/stderr"; exit 1 } }
    ' "$1"
}

build() { # LANG
    list=$lists/$1.tsv
    [ -f "$list" ] || fail "there is no word list $list"
    pack=$out/$1-espeak
    voice=$(voice_of "$1")
    version=$(espeak-ng --version | sed -n 's/[^:]*: *\([0-9][0-9.]*\).*/\1/p')
    recipe=$(printf '%s\n' "$version" | cat - "$self" "$list" | sha256sum | cut -d' ' -f1)
    if [ -f "$pack/recipe" ] && [ "$(cat "$pack/recipe")" = "$recipe" ]; then
        echo "$pack is up to date"
        return
    fi
    new=$out/.$1-espeak.$$
    rm -rf "$new"
    mkdir "$new"
    trap 'rm -rf "$new"' EXIT
    assign_files "$list" "$new/jobs" "$new/prompts" || fail "$list cannot be used"
    xargs -d '\n' -P 2 -n 1 "$self" --speak "$voice" "$new" < "$new/jobs" ||
        fail "not every prompt of $list could be spoken"
    {
        echo 'format = 1'
        echo "lang = \"$1\""
        echo "name = \"$1-espeak\""
        echo 'licence = "MIT OR Apache-2.0"'
        echo "attribution = \"Synthesised by eSpeak NG $version (voice $voice) from the word list of Outdial\""
        echo 'rate = 8000'
        echo 'gap_ms = 0'
        echo
        echo '[prompts]'
        cat "$new/prompts"
    } > "$new/pack.toml"
    echo "$recipe" > "$new/recipe"
    count=$(wc -l < "$new/prompts")
    rm "$new/jobs" "$new/prompts"
    rm -rf "$pack"
    mv "$new" "$pack"
    trap - EXIT
    echo "$pack: $count prompts"
}

[ $# -ge 1 ] || fail "usage: build-voices.sh OUTDIR [LANG...]"
for tool in espeak-ng sox awk xargs sha256sum; do
    command -v "$tool" > /dev/null || fail "$tool is not installed (Debian: apt install espeak-ng sox)"
done
self=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
lists=$(dirname "$self")/../config/voices
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
if [ $# -eq 0 ]; then
    set -- $(cd "$lists" && ls ./*.tsv | sed 's|./\(.*\)\.tsv|\1|')
fi
for lang; do
    build "$lang"
done
