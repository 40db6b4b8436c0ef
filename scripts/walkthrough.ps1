# Walk through a shop of video games with PowerShell. Each step shows a request, its answer, and
# whether the answer came from the cache. At the end everything it made is deleted.
#
#     scripts/walkthrough.ps1                                    # the services of "make up"
#     scripts/walkthrough.ps1 -Gateway http://localhost:8000     # a gateway before all of them
#     scripts/walkthrough.ps1 -Token eyJ...                      # with AUTH_MODE=token
#
# To make a token: .venv/bin/vitrine token --scope admin
param(
    [string] $Gateway = "",
    [string] $Token = $env:TOKEN
)

$ErrorActionPreference = "Stop"
$products = "http://localhost:5000"
$clients = "http://localhost:5001"
if ($Gateway) {
    $products = $Gateway
    $clients = $Gateway
}
$headers = @{}
if ($Token) {
    $headers["Authorization"] = "Bearer $Token"
}
# Windows PowerShell sends UTF-8 only if the type names it.
$json = "application/json; charset=utf-8"

Write-Output "== Is Redis there?"
irm "$products/__ping/redis"
irm "$clients/__ping/redis"

Write-Output "== Put a game into the shop. Only a name is needed; attributes are free."
$body = @{
    title      = "FIFA 25"
    price      = 70
    quantity   = 12
    attributes = @{ genre = "Sport"; platform = "PS5"; year = 2024 }
} | ConvertTo-Json
$game = irm -Method POST "$products/products" -Headers $headers -ContentType $json -Body $body
$game | ConvertTo-Json -Depth 6

Write-Output "== Change two fields. The other fields stay."
$body = @{ price = 65; quantity = 10 } | ConvertTo-Json
irm -Method PUT "$products/products/$($game.id)" -Headers $headers -ContentType $json -Body $body

Write-Output "== List, filter and search."
irm "$products/products?page=1&per=5&fields=id,name,price" -Headers $headers | ConvertTo-Json -Depth 6
irm "$products/products?page=1&per=20&attr.genre=Sport&fields=id,name,price" -Headers $headers | ConvertTo-Json -Depth 6
irm "$products/products?q=fifa+ps5&page=1&fields=id,name,price" -Headers $headers | ConvertTo-Json -Depth 6

Write-Output "== Read the game twice: the first time it comes from MongoDB (fwd), the second from Redis (hit)."
$url = "$products/products/$($game.id)"
$miss = Measure-Command { $answer = Invoke-WebRequest -UseBasicParsing $url -Headers $headers }
Write-Output "$($miss.TotalMilliseconds) ms: $($answer.Headers['Cache-Status'])"
$hit = Measure-Command { $answer = Invoke-WebRequest -UseBasicParsing $url -Headers $headers }
Write-Output "$($hit.TotalMilliseconds) ms: $($answer.Headers['Cache-Status'])"

Write-Output "== The same with a list. RedisInsight shows the entry under the key in Cache-Status."
$list = "$products/products?page=1&per=5&attr.platform=PS5"
$miss = Measure-Command { $answer = Invoke-WebRequest -UseBasicParsing $list -Headers $headers }
Write-Output "$($miss.TotalMilliseconds) ms: $($answer.Headers['Cache-Status'])"
$hit = Measure-Command { $answer = Invoke-WebRequest -UseBasicParsing $list -Headers $headers }
Write-Output "$($hit.TotalMilliseconds) ms: $($answer.Headers['Cache-Status'])"

Write-Output "== Change the price. The cached answers are stale at once: both reads show the new price."
irm -Method PUT $url -Headers $headers -ContentType $json -Body '{"price": 59.99}'
$miss = Measure-Command { $answer = Invoke-WebRequest -UseBasicParsing $url -Headers $headers }
Write-Output "$($miss.TotalMilliseconds) ms: $($answer.Headers['Cache-Status'])"
irm "$($url)?fields=id,price" -Headers $headers
irm "$list&fields=id,price" -Headers $headers | ConvertTo-Json -Depth 6

Write-Output "== The same with a client: dates as in Belgium, a phone with its zero, any alphabet."
$body = '{"name": "Nirina Cr\u00e9pin", "birthday": "29/10/2001", "phone": "02562358455", "city": "Bousval", "genre": "Woman"}'
$client = irm -Method POST "$clients/clients" -Headers $headers -ContentType $json -Body $body
$client | ConvertTo-Json
irm -Method PUT "$clients/clients/$($client.id)" -Headers $headers -ContentType $json -Body '{"city": "Brussels"}'
$list = "$clients/clients?page=1&per=10&city=Brussels"
$miss = Measure-Command { $answer = Invoke-WebRequest -UseBasicParsing $list -Headers $headers }
Write-Output "$($miss.TotalMilliseconds) ms: $($answer.Headers['Cache-Status'])"
$hit = Measure-Command { $answer = Invoke-WebRequest -UseBasicParsing $list -Headers $headers }
Write-Output "$($hit.TotalMilliseconds) ms: $($answer.Headers['Cache-Status'])"

Write-Output "== Delete both. They are in the trash; POST .../restore brings them back."
irm -Method DELETE $url -Headers $headers
irm -Method DELETE "$clients/clients/$($client.id)" -Headers $headers

Write-Output "== That was all. Next: docs/getting-started.md."
