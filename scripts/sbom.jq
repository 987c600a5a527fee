# From `cargo metadata` to a list of what is in the program, as CycloneDX 1.6. $checksums: those of Cargo.lock, by
# "NAME VERSION". Crates that are only used to build or to test are left out.

(.packages | map({key: .id, value: .}) | from_entries) as $packages
| (.resolve.nodes | map({key: .id, value: [.deps[] | select(any(.dep_kinds[]; .kind == null)) | .pkg]}) | from_entries) as $uses
# Procedural macros run in the compiler.
| def is_linked: $packages[.].targets | any(.kind | index("proc-macro")) | not;
  def reached: . as $seen | ([.[] | $uses[.][] | select(is_linked)] + $seen | unique) as $more
    | if $more == $seen then $seen else $more | reached end;
  def purl: "pkg:cargo/\(.name)@\(.version)";
  .resolve.root as $root
| ([$root] | reached) as $linked
| {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: ($packages[$root] | {type: "application", "bom-ref": purl, name, version, purl: purl,
        licenses: [{expression: .license}]})
    },
    components: [
      $linked[] | select(. != $root) | $packages[.]
      | {type: "library", "bom-ref": purl, name, version, purl: purl}
        + (if .license then {licenses: [{expression: (.license | gsub("/"; " OR "))}]} else {} end)
        + ($checksums[0]["\(.name) \(.version)"] as $sum | if $sum then {hashes: [{alg: "SHA-256", content: $sum}]} else {} end)
        + (if .repository then {externalReferences: [{type: "vcs", url: .repository}]} else {} end)
    ] | sort_by(.name, .version),
    dependencies: [
      $linked[] as $id | {ref: ($packages[$id] | purl), dependsOn: [$uses[$id][] | select(is_linked) | $packages[.] | purl] | unique | sort}
    ]
  }
