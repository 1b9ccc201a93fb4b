#compdef varve
# zsh completion for varve; verbs and options come from `varve help`.
_varve_refs() {
	local store=${VARVE_STORE:-} i=${words[(i)(-s|--store)]}
	(( i < $#words )) && store=$words[i+1]
	[[ -n $store ]] && compadd -- ${(f)"$(varve ls -s $store 2>/dev/null)"}
}
_varve() {
	if (( CURRENT == 2 )); then
		compadd -- ${(f)"$(varve help | awk '/^  [a-z]/ { print $1 }')"} --version --help
		return
	fi
	case $words[CURRENT-1] in
		--host) compadd auto fuse erofs; return ;;
		-s|--store|--against|--cache-dir) _files -/; return ;;
	esac
	if [[ $PREFIX == -* ]]; then
		compadd -- ${(f)"$(varve help $words[2] 2>/dev/null | grep -oE -- '--[a-z-]+')"}
		return
	fi
	case $words[2] in
		ls|cat|diff|df|tag|rm|verify) _varve_refs ;;
		pack|extract|mount) _varve_refs; _files ;;
		profile) compadd -- record ls show rm; _varve_refs ;;
		help) compadd -- ${(f)"$(varve help | awk '/^  [a-z]/ { print $1 }')"} ;;
		*) _files ;;
	esac
}
_varve "$@"
