#!/bin/sh
# Makes the certificates of the TLS tests anew. They last until 2126; expired.pem
# ended in 2020. Run it in this folder; it needs openssl 3.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

cat > "$dir/ca.cnf" <<CNF
[ca]
default_ca = d
[d]
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
policy = p
copy_extensions = copy
unique_subject = no
[p]
commonName = supplied
CNF
: > "$dir/index.txt"
echo 1000 > "$dir/serial"

key "$dir/ca.key"
openssl req -x509 -new -key "$dir/ca.key" -subj "/CN=kharbranth test authority" -days 36500 -out ca.pem

# name, subject alternative name, start, end
leaf() {
  key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$1" -addext "subjectAltName=$2" -out "$dir/$1.csr"
  openssl ca -batch -notext -config "$dir/ca.cnf" -cert ca.pem -keyfile "$dir/ca.key" \
    -startdate "$3" -enddate "$4" -in "$dir/$1.csr" -out "$1.pem"
}
leaf good "DNS:localhost,IP:127.0.0.1" 20200101000000Z 21260101000000Z
leaf wronghost "DNS:elsewhere.example" 20200101000000Z 21260101000000Z
leaf expired "DNS:localhost,IP:127.0.0.1" 20190101000000Z 20200101000000Z
leaf client "DNS:client.example" 20200101000000Z 21260101000000Z
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout selfsigned.key \
  -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -days 36500 -out selfsigned.pem
openssl pkcs8 -topk8 -in client.key -out client.encrypted.key -passout pass:test-passphrase
rm client.key
