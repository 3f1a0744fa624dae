#!/bin/sh
# Builds and runs the C tests under the address and undefined-behaviour sanitizers.
# Usage: native/check.sh [FOLDER]; CC and CFLAGS are taken from the environment.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../build/check-native}
mkdir -p "$folder"

checked() { # NAME [FLAG...]
    name=$1
    shift
    program=$folder/$name
    ${CC:-cc} -std=gnu11 -O1 -g -Wall -Wextra -Wno-psabi -Werror -ffp-contract=fast \
        -fsanitize=address,undefined -fno-sanitize-recover=all ${CFLAGS:-} "$@" \
        -o "$program" "$here/tests/$name.c" "$here"/*.c
    "$program"
}

checked check_logistic_map
checked check_scatter
checked check_scatter -DFLOWLIKE_NO_LANES
