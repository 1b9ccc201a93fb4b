# bash completion for varve; the options come from `varve help VERB`, so they cannot lag behind.
_varve_refs() {
	local store=${VARVE_STORE:-} i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in -s | --store) store=${COMP_WORDS[i + 1]} ;; esac
	done
	[ -z "$store" ] || varve ls -s "$store" 2>/dev/null
}

_varve() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(varve help | awk '/^  [a-z]/ { print $1 }') --version --help" -- "$cur")
		return
	fi
	case $prev in
	--host) mapfile -t COMPREPLY < <(compgen -W "auto fuse erofs" -- "$cur"); return ;;
	-s | --store | --against | --cache-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	esac
	case $cur in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$(varve help "$verb" 2>/dev/null | grep -oE -- '--[a-z-]+')" -- "$cur")
		return
		;;
	esac
	case $verb in
	profile) mapfile -t COMPREPLY < <(compgen -W "record ls show rm $(_varve_refs)" -- "$cur") ;;
	help) mapfile -t COMPREPLY < <(compgen -W "$(varve help | awk '/^  [a-z]/ { print $1 }')" -- "$cur") ;;
	ls | cat | diff | df | tag | rm | verify) mapfile -t COMPREPLY < <(compgen -W "$(_varve_refs)" -- "$cur") ;;
	report) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	pack | extract | mount) mapfile -t COMPREPLY < <(compgen -W "$(_varve_refs)" -- "$cur"; compgen -f -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	esac
}
complete -o filenames -F _varve varve
