# `make demo`: the main job from end to end, on a simulated archive, in the folder demo/.
set -eu

# Show a command as it can be typed, then carry it out.
say() {
    printf '\n$'
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./=-]*) printf " '%s'" "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
}

rm -rf demo
mkdir demo
cd demo
unset IRACDB_DATABASE_URL

say iracdb simulate archive
say iracdb ingest archive
say iracdb problems
say iracdb status
say iracdb run --run-id 13 --channel 1 --out tables --comment "The demonstration"
say iracdb runs
say iracdb sql 'SELECT "AORKEY", "Flux (mJy)", "Spread (%)" FROM run13_aor_data ORDER BY 1'
say iracdb sql 'SELECT file_name, "Xc", "Yc", "Res_Flux", sha256 FROM run_img_data WHERE "AORKEY" = 90000256' --limit 3

printf '\nThe catalogue is demo/iracdb.sqlite, the tables are in demo/tables, the truth is in demo/archive/truth.csv.\n'
